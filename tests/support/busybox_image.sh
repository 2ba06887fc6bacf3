#!/bin/sh
# Makes a container image (an OCI layout in a tar) from the host's static busybox, with no registry:
#   busybox_image.sh OUT.tar [NAME[:TAG]] [FILE=PATH_IN_IMAGE ...]
# Each FILE is added, executable, at PATH_IN_IMAGE. Without /bin/busybox (Debian: busybox-static), or
# with BUSYBOX= (empty) in the environment, the image holds the FILEs alone, as a scratch image does.
set -eu

out=$1
name=${2:-mayfly.local/busybox:latest}
[ $# -ge 2 ] && shift 2 || shift 1
busybox=${BUSYBOX-/bin/busybox}

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "busybox_image.sh: no image for $(uname -m)" >&2; exit 1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
blobs=$work/layout/blobs/sha256
mkdir -p "$root" "$blobs"

if [ -n "$busybox" ]; then
  mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/root" "$root/home/worker"
  chmod 1777 "$root/tmp"
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nworker:x:1000:\nextra:x:2000:worker\n' >"$root/etc/group"
fi
for pair; do
  file=${pair%%=*}
  path=$root/${pair#*=}
  mkdir -p "$(dirname "$path")"
  cp "$file" "$path"
  chmod 755 "$path"
done

# Puts a file among the blobs and prints "<digest> <size>".
add_blob() {
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(wc -c <"$1" | tr -d ' ')
  mv "$1" "$blobs/$digest"
  echo "$digest $size"
}

tar --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -C "$root" -cf "$work/layer.tar" .
set -- $(add_blob "$work/layer.tar")
layer=$1 layer_size=$2

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
command='"Cmd":["/bin/sh"],'
[ -n "$busybox" ] || command=
printf '{"architecture":"%s","os":"linux","config":{%s"Env":["PATH=%s"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
  "$architecture" "$command" "$path" "$layer" >"$work/config"
set -- $(add_blob "$work/config")
config=$1 config_size=$2

oci=application/vnd.oci.image
printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
  $oci $oci "$config" "$config_size" $oci "$layer" "$layer_size" >"$work/manifest"
set -- $(add_blob "$work/manifest")
manifest=$1 manifest_size=$2

printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
  $oci "$manifest" "$manifest_size" "$name" "${name##*:}" >"$work/layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
tar --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -C "$work/layout" -cf "$out" .
