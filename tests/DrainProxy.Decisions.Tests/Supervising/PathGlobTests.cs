using DrainProxy.Decisions.Supervising;

namespace DrainProxy.Decisions.Tests.Supervising;

public class PathGlobTests
{
    [Theory]
    [InlineData("*.js", "server.js", true)]
    [InlineData("*.js", "src/server.js", false)]
    [InlineData("**/*.js", "server.js", true)]
    [InlineData("**/*.js", "src/deep/server.js", true)]
    [InlineData("**/*.js", "src/server.json", false)]
    [InlineData("src/**", "src/deep/a", true)]
    [InlineData("src/**", "other/a", false)]
    [InlineData("src/?.js", "src/a.js", true)]
    [InlineData("src/?.js", "src/ab.js", false)]
    [InlineData("./a.b", "a.b", true)]
    [InlineData("a.b", "axb", false)]
    [InlineData("src/", "src/deep/a", true)]
    [InlineData("src", "srcs/a", false)]
    [InlineData("/app/*.py", "/app/a.py", true)]
    [InlineData(".", "anything/at/all", true)]
    public void Matches_what_a_shell_user_expects(string glob, string path, bool matches) => Assert.Equal(matches, new PathGlob(glob).Matches(path));

    [Theory]
    [InlineData("*.js", ".")]
    [InlineData("src/**/*.js", "src")]
    [InlineData("src/a/b.js", "src/a/b.js")]
    [InlineData("/app/*.py", "/app")]
    [InlineData("/*", "/")]
    public void Names_the_folder_to_look_into(string glob, string folder) => Assert.Equal(folder, new PathGlob(glob).Base);
}
