// INTERIM: whoever lands the real types deletes (or replaces) this file in the same commit.
using DrainProxy.Composition; using DrainProxy.Proxy.Settings; 
var s = new ProxySettings(); 
ListenAddress L(string v){ var i=v.LastIndexOf(':'); return new(v[..i], int.Parse(v[(i+1)..])); }
AppAddress A(string v){ if (v.StartsWith("unix:")) return new(AppScheme.Unix,"",0,v[5..]); var u=new Uri(v); return new(Enum.Parse<AppScheme>(u.Scheme,true),u.Host,u.Port);}
for (var i=1;i+1<args.Length;i+=2) { switch(args[i]) { 
 case "--listen": s = s with { Ports=[new(L(args[i+1]), s.Ports[0].App)]}; break;
 case "--app": s = s with { Ports=[new(s.Ports[0].Listen, A(args[i+1]))]}; break;
 case "--admin": s = s with { Admin=L(args[i+1])}; break;
 case "--grace": s = s with { Grace=TimeSpan.FromSeconds(double.Parse(args[i+1].TrimEnd('s')))}; break;
 case "--linger": s = s with { Linger=TimeSpan.FromSeconds(double.Parse(args[i+1].TrimEnd('s')))}; break;
 case "--quiet": s = s with { Quiet=TimeSpan.FromSeconds(double.Parse(args[i+1].TrimEnd('s')))}; break; } }
return await ProxyHost.RunAsync(s, []);
