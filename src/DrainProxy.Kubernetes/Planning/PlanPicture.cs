using System.Globalization;
using System.Security;
using System.Text;

namespace DrainProxy.Kubernetes.Planning;

/// <summary>The timeline as an SVG picture: one bar with its seconds, the longest request below it, a line for each phase. No script, no outside font; colours that differ in lightness too.</summary>
public static class PlanPicture
{
    private const int Width = 960;
    private const int Margin = 20;
    private const int BarTop = 48;
    private const int BarHeight = 40;
    private const int LineHeight = 24;

    /// <summary>Two numbers of the axis closer than this would run into each other.</summary>
    private const int TickRoom = 44;

    /// <summary>About the width of a letter at 13 px: what is longer than its phase is left out of the bar.</summary>
    private const double Letter = 7.5;
    private const int LettersPerLine = 120;

    private static readonly (string Fill, string Text)[] Colours =
        [("#1b5f94", "#ffffff"), ("#5aa9e6", "#000000"), ("#f6c85f", "#000000"), ("#9dd866", "#000000"), ("#c9c9c9", "#000000")];

    public static string Write(TerminationPlan plan)
    {
        var body = new StringBuilder();
        var title = $"Termination behind {plan.LbName} with a grace of {TerminationPlan.Seconds(plan.Parts.Grace)}";
        Text(body, Margin, 30, title, "font-size=\"18\"");
        foreach (var (phase, colour) in plan.Timeline.Zip(Colours)) Bar(body, plan, phase.Phase, phase.Start, phase.End, colour);
        Axis(body, plan);
        var y = BarTop + BarHeight + 34;
        if (plan.Longest is { } longest) y = Request(body, plan, longest, y);
        y += LineHeight - 6;
        foreach (var ((phase, start, end, what), colour) in plan.Timeline.Zip(Colours))
        {
            body.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Margin}\" y=\"{y - 12}\" width=\"14\" height=\"14\" fill=\"{colour.Fill}\"/>\n");
            Text(body, Margin + 22, y, $"{TerminationPlan.Seconds(start)} to {TerminationPlan.Seconds(end)}");
            Text(body, Margin + 132, y, phase, "font-weight=\"bold\"");
            Text(body, Margin + 212, y, what);
            y += LineHeight;
        }

        foreach (var line in plan.Warnings.SelectMany(Lines))
        {
            Text(body, Margin, y, line, "fill=\"#a40000\"");
            y += LineHeight;
        }

        // The lowest letters reach below their line.
        var height = y - LineHeight + 14;
        return string.Create(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-labelledby=\"title\" font-family=\"sans-serif\" font-size=\"13\">\n"
            + $"<title id=\"title\">{title}</title>\n<rect width=\"{Width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n");
    }

    private static void Bar(StringBuilder svg, TerminationPlan plan, string phase, TimeSpan start, TimeSpan end, (string Fill, string Text) colour)
    {
        var (x, width) = (X(plan, start), X(plan, end) - X(plan, start));
        svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x:0.##}\" y=\"{BarTop}\" width=\"{width:0.##}\" height=\"{BarHeight}\" fill=\"{colour.Fill}\"/>\n");
        if ((phase.Length * Letter) + 8 < width) Text(svg, x + (width / 2), BarTop + 25, phase, $"text-anchor=\"middle\" fill=\"{colour.Text}\"");
    }

    /// <summary>The seconds at which phases change, as far as there is room; begin and end always.</summary>
    private static void Axis(StringBuilder svg, TerminationPlan plan)
    {
        var end = $"{TerminationPlan.Seconds(plan.Parts.Grace)}: SIGKILL";
        var (last, limit) = ((double)Margin, Width - Margin - (end.Length * Letter) - 10);
        Text(svg, Margin, BarTop + BarHeight + 18, "0 s");
        foreach (var phase in plan.Timeline.Skip(1))
        {
            var x = X(plan, phase.Start);
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{x:0.##} {BarTop + BarHeight}v5\" stroke=\"#000000\"/>\n");
            if (x - last < TickRoom || x + (TickRoom / 2) > limit) continue;
            Text(svg, x, BarTop + BarHeight + 18, TerminationPlan.Seconds(phase.Start), "text-anchor=\"middle\"");
            last = x;
        }

        Text(svg, Width - Margin, BarTop + BarHeight + 18, end, "text-anchor=\"end\"");
    }

    /// <summary>The worst case of the plan: it begins when linger ends.</summary>
    private static int Request(StringBuilder svg, TerminationPlan plan, TimeSpan longest, int y)
    {
        var ends = plan.Parts.Linger + longest;
        var fits = ends <= plan.Parts.ClosingDeadline;
        var (from, to) = (X(plan, plan.Parts.Linger), X(plan, fits ? ends : plan.Parts.ClosingDeadline));
        var colour = fits ? "#333333" : "#a40000";
        svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{from:0.##} {y - 5}v10M{from:0.##} {y}H{to:0.##}M{to:0.##} {y - 5}v10\" stroke=\"{colour}\" stroke-width=\"2\" fill=\"none\"/>\n");
        var text = $"a request of {TerminationPlan.Seconds(longest)} that begins when linger ends" + (fits ? "" : ": cut");
        // Beside the line it could leave the picture.
        var x = Math.Min(from, Width - Margin - (text.Length * Letter));
        Text(svg, Math.Max(x, Margin), y + 20, text, $"fill=\"{colour}\"");
        return y + LineHeight + 6;
    }

    private static void Text(StringBuilder svg, double x, int y, string text, string attributes = "") =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.##}\" y=\"{y}\"{(attributes.Length > 0 ? " " + attributes : "")}>{SecurityElement.Escape(text)}</text>\n");

    private static IEnumerable<string> Lines(string warning)
    {
        var line = new StringBuilder("warning:");
        foreach (var word in warning.Split(' '))
        {
            if (line.Length + word.Length >= LettersPerLine)
            {
                yield return line.ToString();
                line.Clear();
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        yield return line.ToString();
    }

    private static double X(TerminationPlan plan, TimeSpan time) => Margin + ((Width - (2 * Margin)) * (time / plan.Parts.Grace));
}
