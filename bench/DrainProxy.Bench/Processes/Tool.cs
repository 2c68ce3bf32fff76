namespace DrainProxy.Bench.Processes;

/// <summary>A program that the bench needs and the package it comes from.</summary>
internal sealed record Tool(string Command, string Package)
{
    private static readonly string[] Folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/sbin", "/usr/local/sbin"];

    public string? Path => Folders.Where(folder => folder.Length > 0).Select(folder => System.IO.Path.Combine(folder, Command)).FirstOrDefault(File.Exists);

    /// <summary>Null when it is there.</summary>
    public string? Missing => Path is null ? $"{Command} is missing (Debian package {Package})" : null;

    public async Task<string> FirstLine(params string[] arguments)
    {
        var text = Path is { } path ? await Child.Capture(TimeSpan.FromSeconds(10), new Launch(path, arguments)) : null;
        return text?.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0) ?? "unknown";
    }
}
