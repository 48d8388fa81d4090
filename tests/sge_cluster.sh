#!/bin/bash
# sge_cluster.sh start|run|stop DIR [COMMAND...]: a Grid Engine of one host in namespaces of its own.
#
# Its ports and files collide with nothing, and the end of the namespaces' init ends every daemon and job. Needs root
# and the packages gridengine-master, -exec and -client.
set -euo pipefail
verb=$1 folder=$2
shift 2
export SGE_ROOT=$folder SGE_CELL=ci SGE_QMASTER_PORT=6444 SGE_EXECD_PORT=6445
defaults=/usr/share/gridengine tools=/usr/lib/gridengine

inside() { nsenter -t "$(cat "$folder/init.pid")" -m -n -p -- env -C "$PWD" "$@"; }

case $verb in
inside) [ "$(readlink /proc/self/ns/net)" != "$1" ] || exit 2 ;; # goes on below
start)
    mkdir -p "$folder"
    setsid unshare --mount --net --pid --fork --mount-proc --kill-child bash -c 'while :; do sleep 86400 & wait $!; done' \
        </dev/null >/dev/null 2>&1 &
    until pgrep -P $! bash >"$folder/init.pid"; do kill -0 $!; done
    inside bash "$0" inside "$folder" "$(readlink /proc/self/ns/net)"
    exit
    ;;
run)
    inside "$@"
    exit
    ;;
stop)
    kill -9 "$(cat "$folder/init.pid")"
    exit
    ;;
*) exit 2 ;;
esac

# An address that is not the loopback's: the daemons refuse to know a host by that.
ip link set lo up
ip link add d0 type veth peer name d1
ip addr add 10.99.0.1/24 dev d0
ip link set d0 up
ip link set d1 up
host=$(hostname)
printf '127.0.0.1 localhost\n10.99.0.1 %s\n' "$host" >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts

mkdir -p "$folder/ci/common" "$folder"/spool/{qmaster,db,execd}
ln -s /var/lib/gridengine/{bin,lib,util,utilbin} "$folder"
echo "$host" >"$folder/ci/common/act_qmaster"
sed -E "s#^(admin_user) .*#\1 none#; s#^(spooling_params) .*#\1 $folder/spool/db#
    s#^(qmaster_spool_dir) .*#\1 $folder/spool/qmaster#" "$defaults/default-bootstrap" >"$folder/ci/common/bootstrap"
sed -E "s#^(execd_spool_dir) .*#\1 $folder/spool/execd#; s#^(min_[ug]id) .*#\1 0#; s#^(load_report_time) .*#\1 00:00:01#
    s#^(loglevel) .*#\1 log_info#; s#flush_time=00:00:15#flush_time=00:00:01 accounting_flush_time=00:00:00#" "$defaults/default-configuration" >"$folder/configuration"
"$tools/spoolinit" berkeleydb libspoolb "$folder/spool/db" init
"$tools/spooldefaults" configuration "$folder/configuration"
"$tools/spooldefaults" complexes "$defaults/util/resources/centry"
"$tools/spooldefaults" usersets "$defaults/util/resources/usersets"
"$tools/spooldefaults" managers root
/usr/sbin/sge_qmaster
until qconf -as "$host"; do :; done
/usr/sbin/sge_execd

# What sites add: memory and GPUs as consumables, a parallel environment, a queue.
qconf -sc | sed -E 's/^(mem_free)( +[^ ]+ +[^ ]+ +<=) +YES +NO/\1\2 YES YES/' >"$folder/complexes"
echo 'gpu gpu INT <= YES YES 0 0' >>"$folder/complexes"
qconf -Mc "$folder/complexes"
cat >"$folder/smp" <<END
pe_name smp
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule \$pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
END
qconf -Ap "$folder/smp"
qconf -sq | sed -E "s/^(qname) .*/\1 all.q/; s/^(hostlist) .*/\1 $host/; s/^(slots) .*/\1 4/; s/^(pe_list) .*/\1 smp/
    s/^(load_thresholds) .*/\1 NONE/" >"$folder/queue"
qconf -Aq "$folder/queue"
until qconf -aattr exechost complex_values gpu=2,mem_free=16G "$host"; do :; done
qconf -ssconf | sed -E 's/^(schedule_interval) .*/\1 0:0:1/; s/^(flush_(submit|finish)_sec) .*/\1 1/' >"$folder/scheduler"
qconf -Msconf "$folder/scheduler"
until qstat -f | grep -q "all.q.*lx-"; do :; done
