#!/usr/bin/env bash
# A real Slurm of three nodes on this machine: slurmctld, slurmdbd with MariaDB, one CPU node, two GPU nodes of two GPUs
# each (device files without a driver). Needs root. Everything lives below DIR and in mount, network and process
# namespaces of its own, so that ports never collide, /etc is left alone, and stopping takes every daemon and job along.
#
#   slurm_cluster.sh start DIR [PID] | run DIR COMMAND... | stop DIR
#
# With a PID the cluster ends with that process, however it ends.
set -euo pipefail
verb=$1 dir=$2; shift 2
self=$(readlink -f "$0")

inside() { nsenter -t "$(cat "$dir/namespace.pid")" -m -n -p -- env -C "$PWD" "$@"; }

case $verb in
run) inside "$@"; exit ;;
stop)
  namespace=$(cat "$dir/namespace.pid")
  kill -9 "$namespace" || true
  while kill -0 "$namespace" 2>/dev/null; do sleep 0.05; done
  find /sys/fs/cgroup -depth -type d -path "*/crosspl_slurm_$namespace*" -exec rmdir {} + 2>/dev/null || true
  exit ;;
start)
  mkdir -p "$dir"/{etc,run,log,state,spool,dev,cgroup}
  setsid unshare --mount --net --pid --fork --mount-proc --kill-child \
    bash -c 'while :; do sleep 86400 & wait $!; done' </dev/null >/dev/null 2>&1 &
  for _ in $(seq 100); do pgrep -P $! bash >"$dir/namespace.pid" && break; sleep 0.05; done
  namespace=$(cat "$dir/namespace.pid")
  if [ $# = 1 ]; then
    setsid bash -c "tail --pid=$1 -f /dev/null; kill -9 $namespace" </dev/null >/dev/null 2>&1 &
  fi
  inside env OWNER="$namespace" bash "$self" inside "$dir"
  exit ;;
esac

cd "$dir"
host=$(hostname -s)
# getaddrinfo wants an address beside loopback
ip link set lo up
ip link add d0 type veth peer name d1
ip addr add 10.99.0.1/24 dev d0
ip link set d0 up
ip link set d1 up
mkdir -p /etc/slurm
mount --bind etc /etc/slurm  # srun inside of jobs looks there

dd if=/dev/urandom of=etc/munge.key bs=128 count=1 status=none
chmod 600 etc/munge.key
munged --force --num-threads=4 --key-file="$dir/etc/munge.key" --socket="$dir/run/munge.socket" \
  --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" --seed-file="$dir/state/munged.seed"

for i in 0 1 2 3; do mknod -m 666 "dev/gpu$i" c 195 "$i"; done  # NVIDIA's major number
cat >etc/gres.conf <<END
AutoDetect=off
NodeName=gpu1 Name=gpu Type=a100 File=$dir/dev/gpu[0-1]
NodeName=gpu2 Name=gpu Type=h100 File=$dir/dev/gpu[2-3]
END

# Memory is limited by cgroup v1 where it is mounted and writable, else by polling.
own_cgroups() {
  for controller in memory freezer devices cpuset cpuacct; do
    mkdir -p "cgroup/$controller" "/sys/fs/cgroup/$controller/crosspl_slurm_$OWNER" || return 1
    mount --bind "/sys/fs/cgroup/$controller/crosspl_slurm_$OWNER" "cgroup/$controller" || return 1
  done
  for file in cpus mems; do cat "/sys/fs/cgroup/cpuset/cpuset.$file" >"cgroup/cpuset/cpuset.$file" || return 1; done
}
if own_cgroups 2>/dev/null; then
  limits="ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup"
  printf '%s\n' CgroupPlugin=cgroup/v1 "CgroupMountpoint=$dir/cgroup" ConstrainRAMSpace=yes ConstrainDevices=yes >etc/cgroup.conf
else
  limits="ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill"
fi

# cred_expire is also how long a requeued job waits before it starts again (default 120 s).
cat >etc/slurm.conf <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/run/munge.socket,cred_expire=5
SlurmctldPort=16817
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld.log
StateSaveLocation=$dir/state
SlurmdPidFile=$dir/run/slurmd.%n.pid
SlurmdLogFile=$dir/log/slurmd.%n.log
SlurmdSpoolDir=$dir/spool/%n
SlurmdParameters=config_overrides
$limits
JobAcctGatherFrequency=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort=16819
AccountingStoragePass=$dir/run/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits
AccountingStoreFlags=job_comment
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
GresTypes=gpu
ReturnToService=0
MinJobAge=300
KillWait=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PropagateResourceLimits=NONE
NodeName=cpu1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=4 RealMemory=8000
NodeName=gpu1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=4 RealMemory=16000 Gres=gpu:a100:2 Feature=a100
NodeName=gpu2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17003 CPUs=4 RealMemory=16000 Gres=gpu:h100:2 Feature=h100
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1440 DefaultTime=5 DefMemPerCPU=400
PartitionName=gpu Nodes=gpu1,gpu2 MaxTime=2880 DefaultTime=5 DefMemPerCPU=400 PriorityTier=1
PartitionName=urgent Nodes=gpu1,gpu2 MaxTime=120 DefaultTime=5 DefMemPerCPU=400 PriorityTier=10 PreemptMode=OFF
END

sql=(--no-defaults "--socket=$dir/run/mysql.sock")
mariadb-install-db --no-defaults --datadir="$dir/state/mysql" --user=root --auth-root-authentication-method=normal \
  --skip-test-db >log/mysql-install.log 2>&1
setsid mariadbd "${sql[@]}" --user=root --datadir="$dir/state/mysql" --pid-file="$dir/run/mysql.pid" \
  --bind-address=127.0.0.1 --port=13306 --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 >log/mysql.log 2>&1 &
for _ in $(seq 300); do mariadb-admin "${sql[@]}" ping >/dev/null 2>&1 && break; sleep 0.1; done
mariadb "${sql[@]}" -e "create database slurm_acct; create user slurm@'127.0.0.1'; create user slurm@localhost;
  grant all on slurm_acct.* to slurm@'127.0.0.1'; grant all on slurm_acct.* to slurm@localhost"
(umask 077; cat >etc/slurmdbd.conf <<END
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.socket
DbdHost=localhost
DbdPort=16819
SlurmUser=root
PidFile=$dir/run/slurmdbd.pid
LogFile=$dir/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=13306
StorageUser=slurm
StorageLoc=slurm_acct
END
)
slurmdbd
for _ in $(seq 300); do timeout 2 sacctmgr -n list cluster >/dev/null 2>&1 && break; sleep 0.1; done
{
  sacctmgr -i -Q add cluster test
  sacctmgr -i -Q add account lab Description=test Organization=test
  sacctmgr -i -Q add user root Account=lab
} >log/sacctmgr.log

slurmctld
for node in cpu1 gpu1 gpu2; do slurmd -N $node; done
idle() { timeout 2 sinfo -hN -t idle -o %N 2>/dev/null | sort -u | wc -l; }
for _ in $(seq 300); do [ "$(idle)" = 3 ] && exit; sleep 0.1; done
echo "Slurm did not come up; see $dir/log" >&2
exit 1
