using System.CommandLine;
using DrainProxy.Decisions.Draining;
using DrainProxy.Kubernetes.Planning;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Commands;

/// <summary>`drainproxy plan`: what will happen when, and the manifest fields that follow; as YAML, and as a picture.</summary>
internal static class PlanCommand
{
    private const string Grace = "grace";
    private static readonly string[] Parts = ["lb", Grace, "linger", "quiet", "drain-timeout", "announce-delay", "app-stop"];

    public static Command Create()
    {
        var command = new Command("plan", "prints the drain's timeline and the manifest fields that follow from it");
        var settings = SettingOptions.AddTo(command, row => Parts.Contains(row.Name));
        var longest = new Option<string?>("--longest") { Description = "the longest request that is to be finished; without --grace the grace is made to fit it", HelpName = "DURATION" };
        longest.Validators.Add(found =>
        {
            if (found.Tokens is [var token, ..] && !IsTime(token.Value))
                found.AddError($"--longest '{token.Value}' is not 0 to 24h, as 500ms, 5s, 2m, 1h");
        });
        var picture = new Option<string?>("--svg") { Description = "write the timeline as a picture too", HelpName = "FILE" };
        command.Add(longest);
        command.Add(picture);
        command.SetAction(result => Print(settings.Read(result), result.GetValue(longest), result.GetValue(picture)));
        return command;
    }

    private static int Print(Dictionary<string, IReadOnlyList<string>> given, string? longest, string? picture)
    {
        var graceIsGiven = given.ContainsKey(Grace);
        // Parts are checked against the grace; one that is still to be found holds them all.
        if (!graceIsGiven) given[Grace] = ["24h"];
        // Not this process's environment: the plan is for a pod.
        var bound = SettingsBinder.Bind(given, new Dictionary<string, string>());
        if (bound.Settings is not { } settings) return ConfigurationErrors.Print(bound.Errors, bound.Warnings);
        var request = new BudgetRequest(settings.Grace, settings.Lb, settings.Linger, settings.Quiet, settings.DrainTimeout, settings.AnnounceDelay, settings.AppStop);
        TimeSpan? time = longest is not null && Duration.TryParse(longest, out var parsed) ? parsed : null;
        var plan = graceIsGiven ? TerminationPlan.With(request, time) : TerminationPlan.WithEnoughGrace(request, time);
        if (picture is not null && !TryWrite(picture, PlanPicture.Write(plan))) return ExitCodes.Usage;
        Console.Out.Write(PlanText.Write(plan));
        return ExitCodes.Ok;
    }

    private static bool TryWrite(string file, string text)
    {
        try
        {
            File.WriteAllText(file, text);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            Console.Error.WriteLine($"drainproxy: --svg: {e.Message}");
            return false;
        }
    }

    private static bool IsTime(string text) => Duration.TryParse(text, out var time) && time <= TimeSpan.FromHours(24);
}
