using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>Findings for people (text), scripts (JSON) and code scanning (SARIF 2.1.0).</summary>
public static class LintReport
{
    /// <param name="findings">In the order in which they are told.</param>
    /// <param name="colours">Whether the reader is a terminal.</param>
    public static string Text(IReadOnlyList<Finding> findings, bool colours)
    {
        var text = new StringBuilder();
        foreach (var f in findings)
        {
            var colour = f.Severity switch { Severity.Error => "31", Severity.Warning => "33", _ => "36" };
            text.Append($"{f.File}:{f.Line}: {Paint(Linter.Name(f.Severity), colour)} {Paint(f.Rule, "1")}: {Printable.Of(f.Message)}\n");
            text.Append($"    {Printable.Of(f.Target)} {Printable.Of(f.Field)}\n    fix: {Printable.Of(f.Fix)}\n");
        }

        var counts = Enum.GetValues<Severity>().Reverse().Select(s => $"{findings.Count(f => f.Severity == s)} {Linter.Name(s)}");
        return text.Append(string.Join(", ", counts)).Append('\n').ToString();

        string Paint(string what, string code) => colours ? $"\u001b[{code}m{what}\u001b[0m" : what;
    }

    public static string Json(IReadOnlyList<Finding> findings) => new JsonObject
    {
        ["findings"] = new JsonArray([.. findings.Select(f => (JsonNode)new JsonObject
        {
            ["rule"] = f.Rule, ["severity"] = Linter.Name(f.Severity), ["file"] = f.File, ["line"] = f.Line, ["object"] = f.Target, ["field"] = f.Field,
            ["message"] = f.Message, ["fix"] = f.Fix, ["source"] = f.Source,
        })]),
    }.ToJsonString(ManifestWriter.Readable) + "\n";

    public static string Sarif(IReadOnlyList<Finding> findings)
    {
        var ids = Linter.RuleIds.ToList();
        return new JsonObject
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new JsonArray(new JsonObject
            {
                ["tool"] = new JsonObject
                {
                    ["driver"] = new JsonObject
                    {
                        ["name"] = "drainproxy",
                        ["version"] = InjectionRequest.ProgramVersion,
                        ["rules"] = new JsonArray([.. Linter.Rules.Select(r => (JsonNode)Rule(r))]),
                    },
                },
                ["columnKind"] = "utf16CodeUnits",
                ["results"] = new JsonArray([.. findings.Select(f => (JsonNode)Result(f, ids.IndexOf(f.Rule)))]),
            }),
        }.ToJsonString(ManifestWriter.Readable) + "\n";
    }

    private static JsonObject Rule(LintRule rule)
    {
        var described = new JsonObject
        {
            ["id"] = rule.Id,
            ["shortDescription"] = Message(rule.Title),
            ["fullDescription"] = Message(rule.Why),
            ["help"] = Message($"{rule.Remedy}\n\nSource: {rule.Source}"),
            ["defaultConfiguration"] = new JsonObject { ["level"] = Level(rule.Severity) },
        };
        if (rule.Source.StartsWith("https", StringComparison.Ordinal)) described["helpUri"] = rule.Source;
        return described;
    }

    private static JsonObject Result(Finding finding, int rule) => new()
    {
        ["ruleId"] = finding.Rule,
        ["ruleIndex"] = rule,
        ["level"] = Level(finding.Severity),
        ["message"] = Message($"{finding.Message}. Fix: {finding.Fix}"),
        ["locations"] = new JsonArray(new JsonObject
        {
            ["physicalLocation"] = new JsonObject
            {
                ["artifactLocation"] = new JsonObject { ["uri"] = Address(finding.File) },
                ["region"] = new JsonObject { ["startLine"] = finding.Line },
            },
            ["logicalLocations"] = new JsonArray(new JsonObject { ["fullyQualifiedName"] = $"{finding.Target} {finding.Field}", ["kind"] = "object" }),
        }),
    };

    private static JsonObject Message(string text) => new() { ["text"] = text };

    private static string Level(Severity severity) => severity switch { Severity.Error => "error", Severity.Warning => "warning", _ => "note" };

    private static string Address(string file) => file == "-" ? "stdin"
        : Path.IsPathRooted(file) ? new Uri(file).AbsoluteUri
        : string.Join('/', file.Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString));
}
