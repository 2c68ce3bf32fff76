using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Tests.Injection;

public sealed class JsonPatchTests
{
    [Theory]
    [InlineData("{}", """{"a":1}""", """[{"op":"add","path":"/a","value":1}]""")]
    [InlineData("""{"a":1}""", "{}", """[{"op":"remove","path":"/a"}]""")]
    [InlineData("""{"a":1}""", """{"a":2}""", """[{"op":"replace","path":"/a","value":2}]""")]
    [InlineData("""{"a":1}""", """{"a":null}""", """[{"op":"replace","path":"/a","value":null}]""")]
    [InlineData("""{"a":{}}""", """{"a":{"x/y~z":1}}""", """[{"op":"add","path":"/a/x~1y~0z","value":1}]""")]
    [InlineData("""{"a":[{"name":"x","v":1}]}""", """{"a":[{"name":"new"},{"name":"x","v":2}]}""",
        """[{"op":"add","path":"/a/0","value":{"name":"new"}},{"op":"replace","path":"/a/1/v","value":2}]""")]
    [InlineData("""{"a":[{"name":"x"},{"name":"y"}]}""", """{"a":[{"name":"y"}]}""", """[{"op":"remove","path":"/a/0"}]""")]
    [InlineData("""{"a":[1,2]}""", """{"a":[2]}""", """[{"op":"replace","path":"/a","value":[2]}]""")]
    [InlineData("""{"a":[{"name":"x"},{"name":"y"}]}""", """{"a":[{"name":"y"},{"name":"x"},{"name":"z"}]}""",
        """[{"op":"replace","path":"/a","value":[{"name":"y"},{"name":"x"},{"name":"z"}]}]""")]
    public void The_patch_is_small_and_leads_there(string from, string to, string expected)
    {
        var (before, after) = (JsonNode.Parse(from)!, JsonNode.Parse(to)!);
        var patch = JsonPatch.Between(before, after);

        Assert.Equal(expected, patch.ToJsonString());
        JsonPatch.Apply(before, patch);
        Assert.True(JsonNode.DeepEquals(before, after));
    }

    [Theory]
    [InlineData("""[{"op":"remove","path":"/x"}]""")]
    [InlineData("""[{"op":"replace","path":"/x","value":1}]""")]
    [InlineData("""[{"op":"move","path":"/a","from":"/b"}]""")]
    [InlineData("""[{"op":"add","path":"/x/y","value":1}]""")]
    public void What_does_not_apply_is_refused(string patch) =>
        Assert.Throws<InvalidOperationException>(() => JsonPatch.Apply(JsonNode.Parse("""{"a":1}""")!, JsonNode.Parse(patch)!.AsArray()));
}
