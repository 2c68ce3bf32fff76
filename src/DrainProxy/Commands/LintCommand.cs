using System.CommandLine;
using System.Globalization;
using DrainProxy.Kubernetes.Linting;

namespace DrainProxy.Commands;

/// <summary>`drainproxy lint`: causes of 5xx in manifests, as text, JSON or SARIF.</summary>
internal static class LintCommand
{
    public static Command Create()
    {
        var command = new Command("lint", "checks manifests for causes of 5xx");
        var explain = new Option<string?>("--explain") { Description = "say what a rule looks for and why, and nothing else", HelpName = "RULE" };
        explain.Validators.Add(found =>
        {
            if (found.Tokens is [var token, ..] && Linter.Explain(token.Value) is null)
                found.AddError($"there is no rule '{token.Value}'; rules are {string.Join(", ", Linter.RuleIds)}");
        });
        var manifests = ManifestArguments.AddTo(command, unless: explain);
        var format = new Option<string>("--format") { Description = "text, json or sarif [text]", HelpName = "FORMAT", DefaultValueFactory = _ => "text" };
        format.AcceptOnlyFromAmong("text", "json", "sarif");
        var memory = new Option<string?>("--mb-per-request") { Description = "memory of one request in MB, where no annotation says [180]", HelpName = "MB" };
        memory.Validators.Add(found =>
        {
            if (found.Tokens is [var token, ..] && Megabytes(token.Value) is null)
                found.AddError($"--mb-per-request '{token.Value}' is no number above 0");
        });
        var version = KubernetesVersionOption.Create("of the cluster, for what older ones do not know [newest]");
        command.Add(explain);
        command.Add(format);
        command.Add(memory);
        command.Add(version);
        command.SetAction(result =>
        {
            if (result.GetValue(explain) is { } rule)
            {
                Console.Out.Write(Linter.Explain(rule));
                return ExitCodes.Ok;
            }

            var options = new LintOptions(Megabytes(result.GetValue(memory)) ?? LintOptions.Default.MbPerRequest, KubernetesVersionOption.Read(result.GetValue(version)));
            return Lint(manifests, result, result.GetValue(format)!, options);
        });
        return command;
    }

    private static int Lint(ManifestArguments arguments, ParseResult result, string format, LintOptions options)
    {
        if (arguments.Read(result) is not { } manifests) return ExitCodes.Usage;
        var findings = Linter.Lint(manifests, options);
        var colours = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        using var output = new StreamWriter(Console.OpenStandardOutput());
        output.Write(format switch
        {
            "json" => LintReport.Json(findings),
            "sarif" => LintReport.Sarif(findings),
            _ => LintReport.Text(findings, colours),
        });
        return findings.Any(f => f.Severity == Severity.Error) ? ExitCodes.Failed : ExitCodes.Ok;
    }

    private static decimal? Megabytes(string? text) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var megabytes) && megabytes is > 0 and < 1_000_000 ? megabytes : null;
}
