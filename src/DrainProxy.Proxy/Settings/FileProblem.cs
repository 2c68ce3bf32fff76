namespace DrainProxy.Proxy.Settings;

/// <summary>Why a file cannot be read, without the framework's prose and its repetition of the path.</summary>
internal static class FileProblem
{
    public static string Of(string path, Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file",
        UnauthorizedAccessException when Directory.Exists(path) => "this is a directory",
        UnauthorizedAccessException => "no permission to read the file",
        _ => $"the file cannot be read: {e.Message}",
    };
}
