using DrainProxy.Commands;

// run starts inside a pod's deadline, so a plain `run --option value …` does not wait for the help and its parser.
return RunCommand.TryReadPlain(args) is { } options
    ? await RunCommand.RunAsync(options, dev: false)
    : await CommandTable.InvokeAsync(args);
