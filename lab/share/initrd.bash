# Builds an initramfs: files staged in a folder, packed by cpio, owned by root. Sourced.
# shellcheck shell=bash

need cpio cpio
need depmod kmod
need lz4 lz4
need xz xz-utils
need zstd zstd
PATH=$PATH:/usr/sbin:/sbin

# busybox_path: the statically linked busybox of this machine.
busybox_path() {
  local path
  path=$(command -v busybox) || die "busybox is not installed" "apt-get install busybox-static"
  # A dynamic one would need libraries that the initramfs has not.
  if ldd "$path" >/dev/null 2>&1; then
    die "$path is not statically linked" "apt-get install busybox-static"
  fi
  echo "$path"
}

# stage_busybox STAGE: busybox, and a link for each of its commands that STAGE has none for.
stage_busybox() {
  local applet
  mkdir -p "$1/bin" "$1/sbin" "$1/usr/bin" "$1/usr/sbin"
  cp "$(busybox_path)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do
    [ -e "$1/bin/$applet" ] || [ -e "$1/sbin/$applet" ] || ln -s /bin/busybox "$1/bin/$applet"
  done
}

# expand FILE TARGET: copies a module, without its compression: an emulated processor is slow at that.
expand() {
  case $1 in
    *.xz) xz -dc "$1" >"${2%.xz}" ;;
    *.zst) zstd -qdc "$1" >"${2%.zst}" ;;
    *.gz) gzip -dc "$1" >"${2%.gz}" ;;
    *) cp "$1" "$2" ;;
  esac
}

# unpack_kernel IMAGE FILE: the kernel that is packed in a bzImage, as the ELF file that it is.
unpack_kernel() {
  local setup offset length unpack
  # The Linux boot protocol: setup_sects, payload_offset and payload_length.
  setup=$(od -An -tu1 -j497 -N1 "$1")
  offset=$(od -An -tu4 -j584 -N4 "$1")
  length=$(od -An -tu4 -j588 -N4 "$1")
  offset=$(((setup + 1) * 512 + offset))
  case $(od -An -tx1 -j"$offset" -N4 "$1" | tr -d ' ') in
    fd377a58) unpack='xz -dcq' ;;
    02214c18) unpack='lz4 -dcq' ;;
    28b52ffd) unpack='zstd -dcq' ;;
    *) unpack=false ;;
  esac
  # The payload ends with its length in four bytes more than these programs know, hence the || true.
  { tail -c +$((offset + 1)) "$1" | head -c "$((length))" | $unpack || true; } >"$2.new" 2>/dev/null
  LC_ALL=C head -c 4 "$2.new" | grep -aq ELF ||
    die "cannot unpack $1" "remove its release from $cache_dir/suites and run lab/fetch-kernels"
  mv "$2.new" "$2"
}

# stage_modules STAGE NAME...: the named modules of the kernel that kernel_of chose and all that they
# depend on. Names that this kernel has not, or has built in, are passed over.
stage_modules() {
  local stage=$1 file target
  shift
  target=$stage/lib/modules/$kernel_version
  mkdir -p "$target"
  cp "$kernel_modules"/modules.builtin "$target/"
  cp "$kernel_modules"/modules.builtin.modinfo "$kernel_modules"/modules.order "$target/" 2>/dev/null || true
  printf '%s\n' "$@" | awk '
    function base(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); gsub(/-/, "_", path); return path }
    FNR == NR { gsub(/-/, "_"); want[$1] = 1; next }
    { sub(":", "", $1); file[base($1)] = $1; for (i = 2; i <= NF; i++) deps[$1] = deps[$1] " " $i }
    END {
      for (name in want) if (name in file) {
        print file[name]; n = split(deps[file[name]], d, " "); for (i = 1; i <= n; i++) print d[i]
      }
    }' - "$kernel_modules/modules.dep" | sort -u |
    while read -r file; do
      mkdir -p "$target/${file%/*}"
      expand "$kernel_modules/$file" "$target/$file"
    done
  depmod -b "$stage" "$kernel_version" 2>/dev/null
}

# pack STAGE FILE: writes the initramfs.
pack() {
  (cd "$1" && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z |
    cpio --quiet --null --reproducible -o -H newc -R 0:0) >"$2.new"
  mv "$2.new" "$2"
}

# fresh RESULT FILE...: true when RESULT was made of just these files; sets $inputs, their digest.
fresh() {
  local result=$1
  shift
  inputs=$(cat "$@" | sha256sum)
  [ -e "$result" ] && [ "$(cat "$result.inputs" 2>/dev/null)" = "$inputs" ]
}
