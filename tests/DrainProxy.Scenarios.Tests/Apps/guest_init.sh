#!/bin/sh
# The first process of a machine with cgroup v2 alone: DrainProxy and an app in cgroups of one pod, as a kubelet makes them. guest.pl asks, tells on the console, and switches the machine off.
export PATH=/bin:/usr/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t cgroup2 none /sys/fs/cgroup
pod=/sys/fs/cgroup/pod
mkdir $pod
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
echo +memory > $pod/cgroup.subtree_control
mkdir $pod/app $pod/sidecar
# The app has no limit of its own at first: the pod's holds for it.
echo 300M > $pod/memory.max
echo 128M > $pod/sidecar/memory.max
perl /guest.pl up
(echo 0 > $pod/app/cgroup.procs; while :; do perl /guest.pl app; done) &
(echo 0 > $pod/sidecar/cgroup.procs; exec /drainproxy/drainproxy run --listen 127.0.0.1:8080 --admin 127.0.0.1:9180 --app http://127.0.0.1:3000 --log-format json > /tmp/log 2>&1) &
perl /guest.pl client
