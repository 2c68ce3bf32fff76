using System.CommandLine;
using System.Runtime.InteropServices;
using DrainProxy.Demo.App;

namespace DrainProxy.Commands;

/// <summary>`drainproxy demo`, and the hidden command by which it starts its own app.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var command = new Command("demo", "everything at once on this machine: app, pods, load balancer, load, rolling restart");
        var json = new Option<string?>("--json") { Description = "write the table as JSON too", HelpName = "FILE" };
        command.Add(json);
        command.SetAction((result, _) => RunAsync(result.GetValue(json)));
        return command;
    }

    public static Command CreateApp()
    {
        var command = new Command("demo-app") { Hidden = true };
        var arguments = new Argument<string[]>("ARGS") { Arity = ArgumentArity.ZeroOrMore };
        command.Add(arguments);
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((result, _) => DemoAppCommand.RunAsync([.. result.Tokens.Skip(1).Select(t => t.Value)]));
        return command;
    }

    private static async Task<int> RunAsync(string? jsonFile)
    {
        using var interrupted = new CancellationTokenSource();
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = true;
            interrupted.Cancel();
        }

        // Its children are real processes: they go before it does.
        using var sigint = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var sigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        return await Demo.DemoCommand.RunAsync(jsonFile, interrupted.Token);
    }
}
