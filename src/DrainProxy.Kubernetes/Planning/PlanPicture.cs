using System.Globalization;
using System.Text;

namespace DrainProxy.Kubernetes.Planning;

/// <summary>The timeline as an SVG picture: one bar, a line for each phase. No script, no outside font; colours that differ in lightness too.</summary>
public static class PlanPicture
{
    private const int Width = 960;
    private const int Margin = 20;
    private const int BarTop = 50;
    private const int BarHeight = 40;
    private const int LineHeight = 26;

    private static readonly string[] Colours = ["#1b6ca8", "#5aa9e6", "#f6c85f", "#9dd866", "#c9c9c9"];

    public static string Write(TerminationPlan plan)
    {
        var height = BarTop + BarHeight + 40 + (plan.Timeline.Count * LineHeight);
        var svg = new StringBuilder();
        var title = $"Termination behind {plan.LbName} with a grace of {TerminationPlan.Seconds(plan.Parts.Grace)}";
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-labelledby=\"title\" font-family=\"sans-serif\" font-size=\"14\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<title id=\"title\">{title}</title>\n<rect width=\"{Width}\" height=\"{height}\" fill=\"#ffffff\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Margin}\" y=\"30\" font-size=\"18\">{title}</text>\n");
        var y = BarTop + BarHeight + 40;
        foreach (var ((phase, start, end, what), colour) in plan.Timeline.Zip(Colours))
        {
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{X(plan, start):0.##}\" y=\"{BarTop}\" width=\"{X(plan, end) - X(plan, start):0.##}\" height=\"{BarHeight}\" fill=\"{colour}\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Margin}\" y=\"{y - 12}\" width=\"14\" height=\"14\" fill=\"{colour}\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Margin + 22}\" y=\"{y}\">{TerminationPlan.Seconds(start)} to {TerminationPlan.Seconds(end)}: {phase}. {what}</text>\n");
            y += LineHeight;
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Margin}\" y=\"{BarTop + BarHeight + 18}\">0 s</text>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width - Margin}\" y=\"{BarTop + BarHeight + 18}\" text-anchor=\"end\">{TerminationPlan.Seconds(plan.Parts.Grace)}: SIGKILL</text>\n</svg>\n");
        return svg.ToString();
    }

    private static double X(TerminationPlan plan, TimeSpan time) => Margin + ((Width - (2 * Margin)) * (time / plan.Parts.Grace));
}
