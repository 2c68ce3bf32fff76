# Build: docker build -t drainproxy:0.1.0 .
# tests/DrainProxy.Repo.Tests runs each step of this file on a clean copy of the tree, without an engine.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# Restored first and apart, so that a change of the code does not fetch the packages again. Not in locked mode: the lock files name one processor's
# runtime, and on another one the restore adds its own; .ci/run restores in locked mode.
COPY global.json Directory.Build.props Directory.Packages.props BannedSymbols.txt ./
COPY src/DrainProxy.Decisions/DrainProxy.Decisions.csproj src/DrainProxy.Decisions/packages.lock.json src/DrainProxy.Decisions/
COPY src/DrainProxy.Kubernetes/DrainProxy.Kubernetes.csproj src/DrainProxy.Kubernetes/packages.lock.json src/DrainProxy.Kubernetes/
COPY src/DrainProxy.Proxy/DrainProxy.Proxy.csproj src/DrainProxy.Proxy/packages.lock.json src/DrainProxy.Proxy/
COPY src/DrainProxy/DrainProxy.csproj src/DrainProxy/packages.lock.json src/DrainProxy/
RUN dotnet restore src/DrainProxy
COPY . .
# The project asks for ReadyToRun itself: compiled ahead of time, start to ready is not spent in the JIT.
RUN dotnet publish src/DrainProxy -c Release --no-restore -o out

# Chiseled: no shell, no package manager, nothing to run but the runtime.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /source/out ./
# By number (1654 in this base), since runAsNonRoot cannot verify a name.
USER $APP_UID
EXPOSE 8080 9180
# Exec form: the process is PID 1 and gets SIGTERM itself; with a shell in between the drain would never begin.
ENTRYPOINT ["/app/drainproxy"]
CMD ["run"]
