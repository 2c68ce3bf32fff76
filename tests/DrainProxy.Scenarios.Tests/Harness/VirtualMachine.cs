namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A machine with a Debian kernel under plain emulation (no /dev/kvm needed), whose root is made of this machine's programs. It runs a script and tells on its serial console.</summary>
internal sealed class VirtualMachine : IAsyncDisposable
{
    private readonly TemporaryFolder folder;
    private readonly Child machine;

    private VirtualMachine(TemporaryFolder folder, Child machine) => (this.folder, this.machine) = (folder, machine);

    /// <summary>The console so far.</summary>
    public string Console => machine.Output;

    /// <summary>Starts a machine with DrainProxy in it. Skipped where GUEST_KERNEL names no kernel: emulation takes most of a minute, which is too long for each run of all tests.</summary>
    /// <param name="init">Its first process: a shell script of the apps.</param>
    /// <param name="script">The perl script that it calls.</param>
    public static VirtualMachine Start(string init, string script)
    {
        var kernel = Environment.GetEnvironmentVariable("GUEST_KERNEL");
        Assert.SkipUnless(File.Exists(kernel), "GUEST_KERNEL names no kernel (vmlinuz of Debian's linux-image-cloud-amd64; docs/development.md)");
        var emulator = Tool.Find("qemu-system-x86_64", "qemu-system-x86");
        var folder = new TemporaryFolder();
        var root = Path.Combine(folder.Path, "initramfs");
        Root(init, script).Write(root);
        // A processor of the second level of x86-64 is what .NET asks for. `psi=1`: Debian's kernel has pressure stall information, and keeps it off.
        return new(folder, Child.Start(emulator,
        [
            "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "1024", "-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot",
            "-kernel", kernel!, "-initrd", root, "-append", "console=ttyS0 loglevel=3 psi=1 panic=-1 mitigations=off",
        ]));
    }

    /// <summary>Waits until it has switched itself off.</summary>
    public Task<int> Off(TimeSpan limit) => machine.Exit(limit);

    /// <summary>What the script has told of a name: "GUEST name value".</summary>
    public string Told(string name)
    {
        var start = $"GUEST {name} ";
        // The firmware ends with control characters and no new line.
        var line = machine.Lines.FirstOrDefault(l => l.Contains(start, StringComparison.Ordinal));
        Assert.True(line is not null, $"the machine told no {name}:\n{Console}");
        return line![(line.IndexOf(start, StringComparison.Ordinal) + start.Length)..].TrimEnd();
    }

    public async ValueTask DisposeAsync()
    {
        await machine.DisposeAsync();
        folder.Dispose();
    }

    private static Initramfs Root(string init, string script)
    {
        var root = new Initramfs();
        foreach (var program in (string[])["sh", "mount", "mkdir", "perl"]) root.AddProgram(Tool.Any([$"/bin/{program}", $"/usr/bin/{program}"], program, "dash, mount, coreutils, perl-base"), $"/bin/{program}");
        foreach (var modules in Directory.GetDirectories("/usr/lib", "perl-base", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }))
            root.AddFolder(modules, modules);
        // The framework is where it is here.
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var (shared, version) = (Path.GetDirectoryName(Path.GetDirectoryName(framework))!, Path.GetFileName(framework));
        var dotnet = Path.GetDirectoryName(shared)!;
        foreach (var part in (string[])["shared/Microsoft.NETCore.App", "shared/Microsoft.AspNetCore.App", "host/fxr"])
            root.AddFolder(Path.Combine(dotnet, part, version), $"/usr/share/dotnet/{part}/{version}");
        root.AddFolder(Path.GetDirectoryName(DrainProxyProcess.Program)!, "/drainproxy");
        foreach (var (name, place) in (ReadOnlySpan<(string, string)>)[(init, "/init"), (script, "/guest.pl")]) root.Add(Path.Combine(AppContext.BaseDirectory, "Apps", name), place);
        foreach (var folder in (string[])["/proc", "/sys", "/dev", "/tmp"]) root.AddFolder(folder);
        return root;
    }
}
