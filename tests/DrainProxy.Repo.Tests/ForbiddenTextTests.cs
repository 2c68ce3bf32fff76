using System.Text.RegularExpressions;

namespace DrainProxy.Repo.Tests;

/// <summary>The tree builds from wherever its user's packages come, and says nothing of the machines it was written on.</summary>
public sealed class ForbiddenTextTests
{
    /// <summary>Hosts of package registries, in halves: this file is guarded too.</summary>
    private static readonly (string Name, string Domain)[] RegistryHosts =
    [
        ("nuget", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"), ("pypi", "org"), ("pythonhosted", "org"), ("rubygems", "org"),
        ("crates", "io"), ("pkgs.dev.azure", "com"), ("nuget.pkg.github", "com"), ("npm.pkg.github", "com"), ("proxy.golang", "org"),
    ];

    [Fact]
    public void No_package_registry_is_named()
    {
        var hosts = string.Join('|', RegistryHosts.Select(host => Regex.Escape($"{host.Name}.{host.Domain}")));

        Guard.None(Lines(new Regex($@"\b({hosts})\b", RegexOptions.IgnoreCase)), "package registry");
    }

    [Fact]
    public void No_lock_file_says_where_packages_came_from() =>
        Guard.None(
            Repository.FilesWith("lock.json").Where(file => Repository.Read(file).Contains("\"resolved\": \"http", StringComparison.Ordinal)), "address in a lock file");

    [Fact]
    public void No_image_registry_outside_the_Dockerfile() =>
        Guard.None(Lines(new Regex(@"\b(mcr\.microsoft|ghcr|gcr|quay|docker|registry\.k8s)\.(com|io)/"), "Dockerfile"), "image registry");

    [Fact]
    public void No_path_of_the_machine_it_was_written_on()
    {
        // What a path could give away: this checkout, this user's home, and homes in general (what follows a word is part of a longer path).
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var own = new[] { Repository.Root, home }.Where(path => path.Length > 1).Select(Regex.Escape);
        var homes = new[] { "home", "Users" }.Select(folder => $"/{folder}/[a-z]");

        Guard.None(Lines(new Regex($@"(?<![\w*}}\]])({string.Join('|', own)})(?![\w-])|(?<![\w*}}\]])({string.Join('|', homes)})")), "path of one machine");
    }

    private static IEnumerable<string> Lines(Regex pattern, params string[] except) =>
        from file in Repository.TrackedFiles.Except(except)
        let text = Repository.ReadText(file)
        where text is not null
        from line in text.Split('\n').Select((content, index) => (content, index))
        where pattern.IsMatch(line.content)
        select $"{file}:{line.index + 1}: {line.content.Trim()}";
}
