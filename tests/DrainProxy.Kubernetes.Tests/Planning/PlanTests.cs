using System.Text.Json.Nodes;
using System.Xml.Linq;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Linting;
using DrainProxy.Kubernetes.Manifests;
using DrainProxy.Kubernetes.Planning;

namespace DrainProxy.Kubernetes.Tests.Planning;

public sealed class PlanTests
{
    public static TheoryData<LoadBalancer> Lbs => [.. Enum.GetValues<LoadBalancer>()];

    [Theory]
    [InlineData(LoadBalancer.None, null, 30)]
    [InlineData(LoadBalancer.Auto, null, 30)]
    [InlineData(LoadBalancer.Alb, null, 63)]
    [InlineData(LoadBalancer.Nlb, null, 300)]
    [InlineData(LoadBalancer.Alb, 60, 91)]
    [InlineData(LoadBalancer.None, 600, 606)]
    public void The_grace_is_the_shortest_that_holds_everything(LoadBalancer lb, int? longest, int grace)
    {
        var time = longest is { } seconds ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null;
        var plan = TerminationPlan.WithEnoughGrace(Request(lb), time);

        Assert.Equal(grace, plan.Parts.Grace.TotalSeconds);
        Assert.Empty(plan.Warnings);
        if (grace > 30) Assert.NotEmpty(TerminationPlan.With(Request(lb) with { Grace = TimeSpan.FromSeconds(grace - 1) }, time).Warnings);
    }

    [Theory]
    [MemberData(nameof(Lbs))]
    public void Phases_follow_one_another_and_end_with_the_grace(LoadBalancer lb)
    {
        var plan = TerminationPlan.WithEnoughGrace(Request(lb), null);

        Assert.Equal(TimeSpan.Zero, plan.Timeline[0].Start);
        Assert.Equal(plan.Parts.Grace, plan.Timeline[^1].End);
        Assert.All(plan.Timeline.Zip(plan.Timeline.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
        Assert.All(plan.Timeline, phase => Assert.True(phase.Start <= phase.End));
    }

    [Theory]
    [MemberData(nameof(Lbs))]
    public void The_text_is_YAML_whose_fields_hold_the_plan(LoadBalancer lb)
    {
        var plan = TerminationPlan.WithEnoughGrace(Request(lb) with { AppStop = TimeSpan.FromSeconds(7) }, null);
        var template = Given.Manifests(PlanText.Write(plan))[0].Root["spec"]!["template"]!;

        Assert.Equal((long)plan.Parts.Grace.TotalSeconds, template["spec"]!["terminationGracePeriodSeconds"].AsWhole());
        var variables = template["spec"]!["initContainers"]![0]!.AsObject().Objects("env").ToDictionary(e => e.Text("name")!, e => e.Text("value"));
        Assert.Equal(lb.ToString().ToLowerInvariant(), variables["DRAINPROXY_LB"]);
        Assert.Equal($"{plan.Parts.Grace.TotalSeconds}s", variables["DRAINPROXY_GRACE"]);
        Assert.Equal("7s", variables["DRAINPROXY_APP_STOP"]);
        Assert.Equal("7s", template["metadata"]!["annotations"]!["drainproxy.io/app-stop"].AsText());
    }

    [Theory]
    [MemberData(nameof(Lbs))]
    public void Pasted_into_a_Deployment_lint_has_nothing_to_say(LoadBalancer lb)
    {
        var documents = Given.Manifests(PlanText.Write(TerminationPlan.WithEnoughGrace(Request(lb), null)));
        var deployment = documents[0].Root;
        deployment["apiVersion"] = "apps/v1";
        deployment["kind"] = "Deployment";
        deployment["spec"]!["replicas"] = 2;
        var sidecar = deployment["spec"]!["template"]!["spec"]!["initContainers"]![0]!;
        sidecar["ports"] = Given.Json("a: [{name: http, containerPort: 8080}, {containerPort: 9180}]")["a"]!.DeepClone();
        sidecar["readinessProbe"] = Given.Json("{httpGet: {path: /readyz, port: 9180}}");

        var findings = Linter.Lint(Given.Manifests(ManifestWriter.Write(documents)), LintOptions.Default);

        Assert.DoesNotContain(findings, f => f.Severity > Severity.Info);
    }

    [Fact]
    public void What_does_not_fit_is_a_warning_in_the_comments()
    {
        var text = PlanText.Write(TerminationPlan.With(Request(LoadBalancer.Nlb) with { Grace = TimeSpan.FromSeconds(30) }, TimeSpan.FromMinutes(5)));

        Assert.Contains("# warning: grace 30 s is short for load balancer nlb", text, StringComparison.Ordinal);
        Assert.Contains("# warning: the longest request took 300 s", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_picture_is_well_formed_and_shows_each_phase()
    {
        var plan = TerminationPlan.WithEnoughGrace(Request(LoadBalancer.Alb), null);
        var svg = XDocument.Parse(PlanPicture.Write(plan)).Root!;
        var texts = svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToList();

        Assert.Equal("http://www.w3.org/2000/svg", svg.Name.NamespaceName);
        Assert.All(plan.Timeline, phase => Assert.True(texts.Contains(phase.Phase) && texts.Contains(phase.What)));
        Assert.All(svg.Descendants().Where(e => e.Name.LocalName == "rect"), r => Assert.True((double)r.Attribute("width")! >= 0));
    }

    [Theory]
    [InlineData(1, 30)]
    [InlineData(60, 120)]
    [InlineData(3600, 30)]
    [InlineData(3600, 86400)]
    public void All_of_the_picture_is_inside_it(int longest, int grace)
    {
        foreach (var lb in Enum.GetValues<LoadBalancer>())
        {
            var plan = TerminationPlan.With(Request(lb) with { Grace = TimeSpan.FromSeconds(grace) }, TimeSpan.FromSeconds(longest));
            var svg = XDocument.Parse(PlanPicture.Write(plan)).Root!;
            var size = svg.Attribute("viewBox")!.Value.Split(' ').Select(double.Parse).ToArray();
            var texts = svg.Descendants().Where(e => e.Name.LocalName == "text").ToList();

            Assert.All(texts, t => Assert.InRange((double)t.Attribute("y")!, 10, size[3]));
            Assert.All(texts, t => Assert.InRange((double)t.Attribute("x")! + (t.Attribute("text-anchor") is null ? t.Value.Length * 6.5 : 0), 0, size[2] + 10));
            Assert.Contains(texts, t => t.Value.StartsWith("a request of", StringComparison.Ordinal) && t.Value.EndsWith(": cut", StringComparison.Ordinal) == (plan.Parts.Linger + plan.Longest > plan.Parts.ClosingDeadline));
            Assert.Equal(plan.Warnings.Count, texts.Count(t => t.Value.StartsWith("warning:", StringComparison.Ordinal)));
        }
    }

    /// <summary>The examples are plans that somebody has carried out: what `plan` prints for them stands in them.</summary>
    [Theory]
    [InlineData(LoadBalancer.Alb, "alb")]
    [InlineData(LoadBalancer.Gclb, "gke-neg")]
    [InlineData(LoadBalancer.Nlb, "nlb")]
    [InlineData(LoadBalancer.Nginx, "ingress-nginx")]
    public void The_example_of_a_load_balancer_is_its_plan(LoadBalancer lb, string file)
    {
        var plan = TerminationPlan.WithEnoughGrace(Request(lb), TimeSpan.FromSeconds(60));
        var (workload, others) = Given.Manifests(PlanText.Write(plan)).Select(m => m.Root).ToList() is [var first, .. var rest] ? (first, rest) : throw new InvalidOperationException();
        var example = Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, "deploy/examples", file + ".yaml"))).SelectMany(KubeObject.In).ToList();
        var pod = example.Single(o => o.Kind == "Deployment").Json["spec"]!["template"]!;

        Assert.NotEmpty(others);
        Assert.Equal("enabled", pod["metadata"]!["labels"]!["drainproxy.io/inject"].AsText());
        Holds(workload["spec"]!["template"]!["metadata"]!["annotations"]!, pod["metadata"]!["annotations"]);
        Assert.Equal((long)plan.Parts.Grace.TotalSeconds, pod["spec"]!["terminationGracePeriodSeconds"].AsWhole());
        foreach (var other in others)
        {
            var candidates = example.Where(o => o.Kind == other["kind"].AsText() && o.Json["apiVersion"].AsText() == other["apiVersion"].AsText()).ToList();
            // Names are the user's own.
            other["metadata"]!.AsObject().Remove("name");
            other["metadata"]!["annotations"]?.AsObject().Remove("cloud.google.com/backend-config");
            Holds(other, Assert.Single(candidates).Json);
        }
    }

    /// <summary>Injected, the example is what its plan says: nothing is raised, nothing is told.</summary>
    [Theory]
    [InlineData("alb")]
    [InlineData("gke-neg")]
    [InlineData("nlb")]
    [InlineData("ingress-nginx")]
    public void The_example_of_a_load_balancer_is_injected_without_a_word(string file)
    {
        var manifests = Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, "deploy/examples", file + ".yaml")));
        var before = manifests.SelectMany(KubeObject.In).Single(o => o.Kind == "Deployment").Json["spec"]!["template"]!["spec"]!["terminationGracePeriodSeconds"].AsWhole();
        var injection = new ManifestInjection(manifests);
        injection.Inject(InjectionRequest.Default);

        Assert.Empty(injection.Notes);
        Assert.Equal(before, manifests.SelectMany(KubeObject.In).Single(o => o.Kind == "Deployment").Json["spec"]!["template"]!["spec"]!["terminationGracePeriodSeconds"].AsWhole());
    }

    /// <summary>Every value of the plan stands at its place; there may be more.</summary>
    private static void Holds(JsonNode expected, JsonNode? actual)
    {
        if (expected is JsonObject members)
        {
            foreach (var (name, value) in members) Holds(value!, (actual as JsonObject)?[name]);
        }
        else
        {
            Assert.True(JsonNode.DeepEquals(expected, actual), $"{expected.GetPath()}: the plan says {expected.ToJsonString()}, the example {actual?.ToJsonString() ?? "nothing"}");
        }
    }

    private static BudgetRequest Request(LoadBalancer lb) => new(TimeSpan.Zero, lb, null, TimeSpan.FromSeconds(3), null, TimeSpan.Zero, null);
}
