#!/usr/bin/env bash
# An Apptainer for the tests, on Debian 12 as root: Debian has it in unstable only, for a newer C library, which comes along.
# In: DIR. Out: DIR/usr/bin/apptainer, and the packages it works with. Where it cannot be had it says why and ends well:
# the tests that need it are skipped.
#
#   get_apptainer.sh [DIR]
set -euo pipefail
dir=${1:-/var/cache/crosspl/apptainer}  # where other users can reach it
skip() { echo "container tests will be skipped: $1"; exit 0; }

# Ordinary users mount images with it. udev lets everyone open it; a machine without udev has it for root alone.
if [ "$(id -u)" = 0 ] && [ -c /dev/fuse ]; then chmod 666 /dev/fuse || true; fi

command -v apptainer >/dev/null && exit
[ -x "$dir/usr/bin/apptainer" ] && exit
[ "$(id -u)" = 0 ] && [ "$(uname -m)" = x86_64 ] && command -v apt-get >/dev/null ||
  skip "no apptainer, and only root on Debian (x86_64) can install one here"

echo "installing Apptainer for the tests in $dir"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=600 update || true
apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends \
  buildah libseccomp2 libsqlite3-0 mmdebstrap patchelf squashfs-tools squashfuse uidmap >/dev/null || skip "apt-get failed"

# An index of unstable beside the system's own, which stays as it is. The mirror's index may be past its date.
mkdir -p "$(dirname "$dir")"
new=$(mktemp -d "$dir.XXXX")
trap 'rm -rf "$new"' EXIT
mkdir -p "$new"/apt/{state/lists/partial,cache/archives/partial}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 'debian/$' || echo http://deb.debian.org/debian)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$new/apt/sources.list"
touch "$new/apt/status"
unstable=(-qq -o "Dir::Etc::sourcelist=$new/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State=$new/apt/state"
  -o "Dir::State::status=$new/apt/status" -o "Dir::Cache=$new/apt/cache" -o Acquire::Check-Valid-Until=false
  -o Acquire::Languages=none -o APT::Sandbox::User=root)
apt-get "${unstable[@]}" update || skip "no index of Debian unstable"
(cd "$new" && apt-get "${unstable[@]}" download apptainer libc6) || skip "no apptainer in Debian unstable"

dpkg -x "$new"/apptainer_*.deb "$new"
dpkg -x "$new"/libc6_*.deb "$new/libc6"
mkdir "$new/glibc"
mv "$new"/libc6/usr/lib/x86_64-linux-gnu/*.so* "$new/glibc"
for program in "$new"/usr/bin/apptainer "$new"/usr/lib/x86_64-linux-gnu/apptainer/bin/starter; do
  patchelf --set-interpreter "$dir/glibc/ld-linux-x86-64.so.2" --force-rpath \
    --set-rpath "$dir/glibc:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu" "$program"
done
# Apptainer looks for its settings and state relative to where it lies.
mv "$new/etc" "$new/usr/etc"
mkdir -p "$new/usr/var/lib/apptainer/mnt/session"
ln -s ../etc "$new/usr/lib/etc"
ln -s ../var "$new/usr/lib/var"
rm -rf "$new/apt" "$new/libc6" "$new/usr/share"
chmod 755 "$new"
rm -rf "$dir"
mv "$new" "$dir"
"$dir/usr/bin/apptainer" --version
