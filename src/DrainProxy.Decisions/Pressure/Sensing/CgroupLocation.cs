using System.Text;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>Where the files of a process's memory cgroup are, in the file system as that process sees it.</summary>
/// <param name="Version">Which interface the memory controller has there.</param>
/// <param name="MountPoint">Where its hierarchy is mounted.</param>
/// <param name="Below">The cgroup's path below the mount point; empty for the mount point itself.</param>
public sealed record CgroupLocation(CgroupVersion Version, string MountPoint, string Below)
{
    /// <summary>
    /// From /proc/PID/cgroup and /proc/PID/mountinfo. Both tell paths as the reader's own cgroup namespace sees them, so that a container which has only its own cgroup mounted
    /// shows the same path (`/../abc` seen from a neighbour) in both, and the rest is empty.
    /// </summary>
    /// <returns>Null when no mounted hierarchy holds the process's memory cgroup.</returns>
    public static CgroupLocation? Find(string cgroup, string mountinfo)
    {
        var (memory, unified) = Paths(cgroup);
        var mounts = mountinfo.Split('\n').Select(Mount.Parse).OfType<Mount>().ToList();
        // The controller is in one hierarchy only: where version 1 has it, the unified one does not.
        if (memory is not null) return Among(mounts, CgroupVersion.V1, memory);
        return unified is null ? null : Among(mounts, CgroupVersion.V2, unified);
    }

    /// <summary>The path of the memory cgroup in /proc/PID/cgroup, as the reader's cgroup namespace sees it; null without one.</summary>
    public static string? PathOf(string cgroup) => Paths(cgroup) is var (memory, unified) ? memory ?? unified : null;

    private static (string? Memory, string? Unified) Paths(string cgroup)
    {
        string? memory = null, unified = null;
        foreach (var line in cgroup.Split('\n'))
        {
            // hierarchy-ID:controller-list:path; the path may hold colons.
            if (line.Split(':', 3) is not [_, var controllers, ['/', ..] path]) continue;
            if (controllers.Length == 0) unified = path;
            else if (controllers.Split(',').Contains("memory")) memory = path;
        }

        return (memory, unified);
    }

    private static CgroupLocation? Among(List<Mount> mounts, CgroupVersion version, string path)
    {
        // The last one mounted hides the others at the same place; of several places the deepest root is the nearest.
        foreach (var mount in Enumerable.Reverse(mounts).Where(m => m.Version == version).OrderByDescending(m => m.Root.Length))
            if (Remainder(path, mount.Root) is { } below) return new(version, mount.Point, below);
        return null;
    }

    private static string? Remainder(string path, string root)
    {
        if (path == root) return "";
        if (root == "/") return path.Contains("/..", StringComparison.Ordinal) ? null : path;
        return path.StartsWith(root + "/", StringComparison.Ordinal) ? path[root.Length..] : null;
    }

    private sealed record Mount(CgroupVersion Version, string Root, string Point)
    {
        /// <summary>36 35 98:0 ROOT POINT options [optional fields] - TYPE SOURCE SUPER-OPTIONS</summary>
        public static Mount? Parse(string line)
        {
            var fields = line.Split(' ');
            var dash = Array.IndexOf(fields, "-");
            if (dash < 5 || fields.Length < dash + 4) return null;
            CgroupVersion? version = fields[dash + 1] switch
            {
                "cgroup2" => CgroupVersion.V2,
                "cgroup" when fields[dash + 3].Split(',').Contains("memory") => CgroupVersion.V1,
                _ => null,
            };
            return version is { } known ? new(known, Unescape(fields[3]), Unescape(fields[4])) : null;
        }

        /// <summary>Blanks and backslashes are written as octal numbers.</summary>
        private static string Unescape(string field)
        {
            if (!field.Contains('\\', StringComparison.Ordinal)) return field;
            var text = new StringBuilder();
            for (var i = 0; i < field.Length; i++)
            {
                if (field[i] == '\\' && i + 3 < field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
                {
                    text.Append((char)(((field[i + 1] - '0') * 64) + ((field[i + 2] - '0') * 8) + (field[i + 3] - '0')));
                    i += 3;
                }
                else
                {
                    text.Append(field[i]);
                }
            }

            return text.ToString();
        }
    }
}
