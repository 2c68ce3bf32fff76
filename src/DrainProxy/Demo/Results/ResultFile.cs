using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Results;

/// <summary>
/// The file of `--json`. The place is tried before the demo runs, so that a wrong path costs no minute; the file appears whole or not at all.
/// </summary>
internal sealed class ResultFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly string _path;
    private readonly string _temporary;

    private ResultFile(string path)
    {
        _path = path;
        _temporary = IsDevice(path) ? path : Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
    }

    /// <summary>Fails with a message for the user when nothing can be written there.</summary>
    public static ResultFile Prepare(string path) => Explained(path, () => Try(path));

    public void Write(DemoResult result) => Explained(_path, () =>
    {
        File.WriteAllText(_temporary, ToJson(result).ToJsonString(Indented) + "\n");
        if (_temporary != _path)
            File.Move(_temporary, _path, overwrite: true);
        return this;
    });

    private static ResultFile Try(string path)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full))
            throw new UnauthorizedAccessException();
        if (File.Exists(full) && !IsDevice(full))
            full = File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
        var file = new ResultFile(full);
        if (IsDevice(full))
        {
            using var device = File.OpenWrite(full);
            return file;
        }

        File.WriteAllText(file._temporary, "");
        File.Delete(file._temporary);
        return file;
    }

    /// <summary>The cause in words of our own: the framework's may be resource keys only (UseSystemResourceKeys).</summary>
    private static ResultFile Explained(string path, Func<ResultFile> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            var cause = e switch
            {
                DirectoryNotFoundException or FileNotFoundException => "there is no such folder",
                UnauthorizedAccessException when Directory.Exists(path) => "it is a folder",
                UnauthorizedAccessException => "permission denied",
                PathTooLongException => "the name is too long",
                ArgumentException => "it is no file name",
                _ => $"input/output error {e.HResult & 0xFFFF}",
            };
            throw new DemoFailedException($"--json {path}: cannot be written: {cause}");
        }
    }

    public static JsonObject ToJson(DemoResult result) => new()
    {
        ["scenarios"] = new JsonArray([.. result.Scenarios.Select(row => new JsonObject
        {
            ["scenario"] = row.Scenario,
            ["bare_app"] = ToJson(row.BareApp),
            ["behind_drainproxy"] = ToJson(row.BehindDrainProxy),
        })]),
        ["lost_by_drainproxy"] = result.LostByDrainProxy,
        ["took_s"] = Math.Round(result.Took.TotalSeconds, 3),
    };

    private static JsonObject ToJson(Outcome outcome) => new()
    {
        ["requests"] = outcome.Requests,
        ["failed"] = outcome.Failed,
        ["failed_percent"] = Math.Round(outcome.FailedPercent, 4),
        ["longest_wait_s"] = Math.Round(outcome.LongestWait.TotalSeconds, 3),
        ["oom_kills"] = outcome.Kills,
        ["failures"] = new JsonObject(outcome.Failures.Select(failure => KeyValuePair.Create(failure.Key, (JsonNode?)JsonValue.Create(failure.Value)))),
    };

    /// <summary>A device is written to as it is: renaming a file over it would replace it.</summary>
    private static bool IsDevice(string path) =>
        path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal);
}
