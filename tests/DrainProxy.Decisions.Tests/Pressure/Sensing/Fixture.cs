namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

/// <summary>Files as a kernel wrote them.</summary>
internal static class Fixture
{
    public static byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));

    public static string[] Lines(string name) => File.ReadAllLines(PathOf(name));

    private static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Pressure", "Sensing", "Fixtures", name);
}
