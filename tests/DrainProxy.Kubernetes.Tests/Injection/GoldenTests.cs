using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Injection;

/// <summary>
/// Golden/X.yaml becomes Golden/Injected/X.yaml, with the notes of Golden/Injected/X.txt. UPDATE_GOLDEN=1 writes them anew: read the difference then.
/// </summary>
public sealed class GoldenTests
{
    private static readonly string Folder = Path.Combine(Source.Root, "tests/DrainProxy.Kubernetes.Tests/Injection/Golden");

    public static TheoryData<string> Cases => [.. Directory.GetFiles(Folder, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Injected_is_what_the_file_says(string name)
    {
        var (output, notes) = Inject(Input(name));
        var (goldenOutput, goldenNotes) = (Path.Combine(Folder, "Injected", name + ".yaml"), Path.Combine(Folder, "Injected", name + ".txt"));
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.Combine(Folder, "Injected"));
            File.WriteAllText(goldenOutput, output);
            File.WriteAllText(goldenNotes, notes);
        }

        Assert.Equal(File.ReadAllText(goldenOutput), output);
        Assert.Equal(File.ReadAllText(goldenNotes), notes);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Injecting_again_changes_no_byte_and_tells_the_same(string name)
    {
        var once = Inject(Input(name));

        Assert.Equal(once, Inject(once.Output));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Uninjected_is_what_it_was(string name)
    {
        var restored = Given.Manifests(Inject(Input(name)).Output);
        new ManifestInjection(restored).Uninject();

        Assert.Equal(Given.Manifests(Input(name)).Select(m => m.Root), restored.Select(m => m.Root), Given.SameJson);
    }

    private static string Input(string name) => File.ReadAllText(Path.Combine(Folder, name + ".yaml"));

    private static (string Output, string Notes) Inject(string text)
    {
        var manifests = Given.Manifests(text);
        var injection = new ManifestInjection(manifests);
        injection.Inject(InjectionRequest.Default);
        return (ManifestWriter.Write(manifests), string.Concat(injection.Notes.Select(n => n + "\n")));
    }
}
