using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>The wire format of admission.k8s.io/v1: a review with a request in, the same with a response out.</summary>
internal static class AdmissionReview
{
    public const string Version = "admission.k8s.io/v1";
    private const string Group = "admission.k8s.io/";
    private const string Kind = "AdmissionReview";

    /// <summary>The API server's own objects stay below 30 levels; what goes far beyond is nobody's pod.</summary>
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = ManifestLimits.Default.Depth, AllowDuplicateProperties = false };

    /// <summary>Reads a review; <paramref name="problem"/> says why there is none.</summary>
    public static AdmissionRequest? Read(ReadOnlySpan<byte> body, out string? problem)
    {
        JsonObject? review;
        try
        {
            if (!IsText(body))
            {
                problem = "the body is not JSON: a string is no text";
                return null;
            }

            review = JsonNode.Parse(body, documentOptions: Strict) as JsonObject;
        }
        catch (JsonException e)
        {
            problem = "the body is not JSON: " + e.Message.Split(" LineNumber:")[0];
            return null;
        }

        var version = review.Text("apiVersion");
        problem = (version, review.Text("kind"), review.Object("request"), review.Object("request").Text("uid")) switch
        {
            (not null, Kind, not null, { Length: > 0 }) when version.StartsWith(Group, StringComparison.Ordinal) => null,
            (not null, Kind, not null, _) when version.StartsWith(Group, StringComparison.Ordinal) => "the request has no uid",
            (not null, Kind, null, _) => "the review has no request",
            _ => $"not an AdmissionReview of {Version}",
        };
        return problem is null ? new(version!, review.Object("request")!) : null;
    }

    /// <summary>Broken UTF-8 and halves of surrogate pairs are found only when a string is asked for, which is too late: all are asked for here.</summary>
    private static bool IsText(ReadOnlySpan<byte> body)
    {
        if (!Utf8.IsValid(body)) return false;
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = Strict.MaxDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) _ = reader.GetString();
            }

            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>A response that allows, always: what DrainProxy cannot change it leaves as it is.</summary>
    /// <param name="version">The version of the request: the API server takes no other.</param>
    public static byte[] Allow(string version, string uid, JsonArray patch, IReadOnlyList<string> warnings)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", version);
            json.WriteString("kind", Kind);
            json.WriteStartObject("response");
            json.WriteString("uid", uid);
            json.WriteBoolean("allowed", true);
            if (patch.Count > 0)
            {
                json.WriteString("patchType", "JSONPatch");
                json.WriteBase64String("patch", JsonSerializer.SerializeToUtf8Bytes(patch, JsonPatch.Format));
            }

            if (warnings.Count > 0)
            {
                json.WriteStartArray("warnings");
                foreach (var warning in warnings) json.WriteStringValue(warning);
                json.WriteEndArray();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return output.ToArray();
    }
}

/// <summary>What the API server asks about.</summary>
/// <param name="Version">apiVersion of the review.</param>
/// <param name="Json">Its `request`, which has a uid.</param>
internal sealed record AdmissionRequest(string Version, JsonObject Json)
{
    public string Uid => Json.Text("uid")!;

    public JsonObject? Object => Json.Object("object");

    /// <summary>Why this is not the creation of a pod; null when it is.</summary>
    public string? NotAPod
    {
        get
        {
            if (Version != AdmissionReview.Version) return $"reviews of {Version} are not read, only {AdmissionReview.Version}";
            if (Json.Text("operation") != "CREATE") return "only the creation of pods is looked at";
            var kind = Json.Object("kind");
            if (kind.Text("group") is { Length: > 0 } || kind.Text("version") != "v1" || kind.Text("kind") != "Pod")
                return $"only v1 Pods are looked at, not {kind.Text("version") ?? "?"} {kind.Text("kind") ?? "?"}";
            if (Json.Text("subResource") is { Length: > 0 } part) return $"only pods themselves are looked at, not pods/{part}";
            return Object is null ? "the request has no object" : null;
        }
    }
}
