using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Kubernetes.Tests.Manifests;

public sealed class ManifestTests
{
    [Theory]
    [InlineData("yes", "true")]
    [InlineData("'yes'", "\"yes\"")]
    [InlineData("off", "false")]
    [InlineData("\"off\"", "\"off\"")]
    [InlineData("y", "\"y\"")]
    [InlineData("~", "null")]
    [InlineData("Null", "null")]
    [InlineData("'null'", "\"null\"")]
    [InlineData("''", "\"\"")]
    [InlineData("0123", "83")]
    [InlineData("\"0123\"", "\"0123\"")]
    [InlineData("0o17", "15")]
    [InlineData("089", "89")]
    [InlineData("0x1F", "31")]
    [InlineData("0b101", "5")]
    [InlineData("1_000", "1000")]
    [InlineData("1e3", "1e3")]
    [InlineData("'1e3'", "\"1e3\"")]
    [InlineData("1.50", "1.50")]
    [InlineData(".5", "0.5")]
    [InlineData("-07", "-7")]
    [InlineData("+5", "5")]
    [InlineData("1.2.3", "\"1.2.3\"")]
    [InlineData("2001-01-01", "\"2001-01-01\"")]
    [InlineData("12:30:45", "\"12:30:45\"")]
    [InlineData("123456789012345678901234567890", "123456789012345678901234567890")]
    [InlineData("64Mi", "\"64Mi\"")]
    [InlineData("-", "[null]")]
    [InlineData("!!str 5", "\"5\"")]
    [InlineData("!!int \"5\"", "5")]
    [InlineData("! 5", "\"5\"")]
    [InlineData("!!bool \"on\"", "true")]
    public void Scalars_mean_what_kubectl_takes_them_for_and_are_written_so(string scalar, string json)
    {
        var parsed = Given.Json("a:\n  " + scalar);

        Assert.Equal(json, parsed["a"]?.ToJsonString() ?? "null");
        Assert.True(JsonNode.DeepEquals(parsed, Given.Json(YamlWriter.Write(parsed))));
    }

    [Fact]
    public void Keys_are_text_whatever_they_look_like() =>
        Assert.Equal("""{"on":1,"yes":2,"1":3,"null":4}""", Given.Json("on: 1\nyes: 2\n1: 3\nnull: 4").ToJsonString());

    /// <summary>kubectl ends the last line of a file itself, and takes the mark that editors on Windows put before each file that was joined.</summary>
    [Fact]
    public void Odd_ends_and_starts_of_files_mean_what_kubectl_takes_them_for()
    {
        Assert.Equal("x\n", Given.Json("a: |\n  x")["a"].AsText());
        Assert.Equal("x\n\ny\n", Given.Json("a: |+\n  x\n\n  y")["a"].AsText());
        Assert.Equal("x", Given.Json("a: |-\n  x")["a"].AsText());
        Assert.Equal(["a", "b", "c"], Given.Manifests("a: 1\n---\n\ufeffb: 2\n--- \r\n\ufeffc: 3").Select(m => m.Root.Single().Key));
        Assert.Equal("\ufeffx", Given.Json("a: \"\ufeffx\"")["a"].AsText());
    }

    [Fact]
    public void Aliases_and_merge_keys_are_expanded()
    {
        var parsed = Given.Json("base: &b {x: 1, y: 2}\nlist: [*b]\none: {<<: *b, y: 3}\ntwo: {<<: [{x: 9}, *b], z: 1}\nquoted: {\"<<\": 1}");

        Assert.Equal("""{"x":1,"y":2}""", parsed["list"]![0]!.ToJsonString());
        Assert.Equal("""{"y":3,"x":1}""", parsed["one"]!.ToJsonString());
        Assert.Equal("""{"z":1,"x":9,"y":2}""", parsed["two"]!.ToJsonString());
        Assert.Equal(1, parsed["quoted"]!["<<"].AsWhole());
    }

    [Theory]
    [InlineData("a: 1\nb: [", 2, "not YAML")]
    [InlineData("a: 1\n\tb: 2", 2, "not YAML")]
    [InlineData("a: 1\nb:\n\tc: 2\nd: 3", 3, "tab as indentation")]
    [InlineData("a: {b: c\nspec:\n", 2, "not YAML")]
    [InlineData("a: 1\na: 2", 2, "comes twice")]
    [InlineData("a: 1\n---\n- 1", 3, "a manifest is a mapping")]
    [InlineData("just text", 1, "a manifest is a mapping")]
    [InlineData("a: *nobody", 1, "no anchor")]
    [InlineData("a: 1\nb: !Ref x", 2, "tag !Ref is not known")]
    [InlineData("a: !!binary aGk=", 1, "is not known")]
    [InlineData("a: .inf", 1, "no value that Kubernetes can hold")]
    [InlineData("a:\n  ? [x]\n  : 1", 2, "not a plain name")]
    [InlineData("a: {<<: 5}", 1, "merge key")]
    [InlineData("a: 1\nb: {{ .Values.x }}", 2, "a")]
    [InlineData("a: {{- if x }}\n  b", 1, "render it first")]
    [InlineData("{\"a\": 1,\n \"b\": ]}", 2, "not JSON")]
    [InlineData("{\"a\": 1,\n \"a\": 2}", 2, "comes twice")]
    [InlineData("[1]", 1, "a manifest is a mapping")]
    public void A_broken_file_is_told_with_its_line(string text, int line, string problem)
    {
        var failure = Assert.Throws<ManifestException>(() => Given.Manifests(text, "f.txt"));

        Assert.StartsWith($"f.txt:{line}: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(problem, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_of_aliases_meet_a_bound()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 12; i++) bomb.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");

        Assert.Contains("once aliases are expanded", Assert.Throws<ManifestException>(() => Given.Manifests(bomb.ToString())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("f.yaml", "a: ")]
    [InlineData("f.json", "{\"a\": ")]
    public void Depth_meets_a_bound(string file, string start)
    {
        var text = start + new string('[', 5_000) + new string(']', 5_000) + (file == "f.json" ? "}" : "");

        Assert.StartsWith($"{file}:1: ", Assert.Throws<ManifestException>(() => Given.Manifests(text, file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_by_aliases_meets_the_same_bound()
    {
        var text = new StringBuilder("a0: &a0 [1]\n");
        for (var i = 1; i < 200; i++) text.Append($"a{i}: &a{i} [*a{i - 1}]\n");

        Assert.Contains("nested deeper", Assert.Throws<ManifestException>(() => Given.Manifests(text.ToString())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_are_bounded_and_must_be_UTF8()
    {
        var tiny = ManifestLimits.Default with { FileBytes = 10 };

        Assert.Contains("larger than", Assert.Throws<ManifestException>(() => ManifestText.Read("-", () => new MemoryStream(new byte[11]), tiny)).Message, StringComparison.Ordinal);
        Assert.Equal("-:2: not UTF-8", Assert.Throws<ManifestException>(
            () => ManifestText.Read("-", () => new MemoryStream([.. "a: 1\nb: "u8, 0xff]), ManifestLimits.Default)).Message);
        Assert.Equal("/no/such: no such file or folder", Assert.Throws<ManifestException>(
            () => ManifestText.Read("/no/such", () => Stream.Null, ManifestLimits.Default)).Message);
    }

    [Fact]
    public void A_folder_is_read_in_the_order_of_its_names_with_subfolders()
    {
        var folder = Directory.CreateTempSubdirectory("drainproxy-manifests-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "b"));
            File.WriteAllText(Path.Combine(folder, "c.json"), "{}");
            File.WriteAllText(Path.Combine(folder, "a.yml"), "");
            File.WriteAllText(Path.Combine(folder, "b", "x.yaml"), "");
            File.WriteAllText(Path.Combine(folder, "notes.txt"), "{{");
            Directory.CreateDirectory(Path.Combine(folder, "..data"));
            File.WriteAllText(Path.Combine(folder, "..data", "hidden.yaml"), "");
            Directory.CreateSymbolicLink(Path.Combine(folder, "circle"), folder);
            File.CreateSymbolicLink(Path.Combine(folder, "link.yaml"), Path.Combine(folder, "a.yml"));

            Assert.Equal(["a.yml", "b/x.yaml", "c.json", "link.yaml"], ManifestText.Read(folder, () => Stream.Null, ManifestLimits.Default).Select(t => Path.GetRelativePath(folder, t.File)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("kind: A\n---\n# nothing\n---\n\nkind: B\n...\n", 2)]
    [InlineData("{\"kind\": \"A\"}\n{\"kind\": \"B\"}", 2)]
    [InlineData("{kind: A}", 1)]
    [InlineData("{\"kind\": \"A\"}\n---\nkind: B", 2)]
    [InlineData("", 0)]
    [InlineData("# only a comment\n", 0)]
    public void Documents_are_counted(string text, int count) => Assert.Equal(count, Given.Manifests(text).Count);

    [Fact]
    public void One_JSON_document_is_written_as_JSON_again() =>
        Assert.Equal("{\n  \"a\": 1.50\n}\n", ManifestWriter.Write(Given.Manifests("{\"a\":1.50}")));

    [Fact]
    public void Lines_are_those_of_the_keys()
    {
        foreach (var text in (string[])["# c\na:\n  b:\n    - x: 1\n\n    - y: |\n        t\n      z: 3\n", "{\n\"a\":\n{\"b\":\n [{\"x\": 1},\n\n {\"y\": 1,\n \"z\":\n3}]}}"])
        {
            var lines = Assert.Single(Given.Manifests(text)).Lines;
            var items = FieldPath.Root.To("a.b");

            Assert.Equal(2, lines.Of(FieldPath.Root.Then("a")));
            Assert.Equal(3, lines.Of(items));
            Assert.Equal(4, lines.Of(items.Then(0).Then("x")));
            Assert.Equal(6, lines.Of(items.Then(1).Then("y")));
            Assert.Equal(text[0] == '#' ? 8 : 7, lines.Of(items.Then(1).Then("z")));
            Assert.Equal(6, lines.Of(items.Then(1).Then("not").Then("there")));
        }
    }

    [Fact]
    public void What_is_written_is_read_as_the_same()
    {
        var texts = Gen.OneOf(
            Gen.Elements("yes", "no", "1e3", "0123", "null", "~", "-", "a: b", "a #b", " x", "x ", "\n", "a\n", "a\nb\n\n", "\ta\nb", "# c", "'", "\"", "&a", "*a", "!x", "%", "@", "`", "{a", "[",
                "- x", "? x", "|", ">", "<<", "=", "0x1", "1_0", "12:30", "2001-01-01", "", "a\rb", "\u0085", "\u2028", "é", "😀", "---", "--- x", "a:", "x: |", "1.", "+1", ".5", "-1", "a\n b\n", "a\n\nb", "line \nb"),
            ArbMap.Default.GeneratorFor<string>().Where(s => s is not null && !s.Any(char.IsSurrogate)));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2_000), Prop.ForAll(texts.Three().ToArbitrary(), given =>
        {
            var (key, first, second) = given;
            var node = new JsonObject { [key] = first, ["l" + key] = new JsonArray(second, new JsonArray(first), new JsonObject { [key] = second }) };
            return JsonNode.DeepEquals(node, Given.Json(YamlWriter.Write(node)));
        }));
    }
}
