# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(dirname "$lab_dir")
build_dir=${HVIS_LAB_BUILD:-$source_dir/build/lab}
cache_dir=${HVIS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hvis}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# The second argument and those after it tell the next step.
die() {
  say "$1"
  shift
  [ $# -eq 0 ] || printf '  next: %s\n' "$@" >&2
  exit 1
}

usage_error() {
  say "$1"
  printf "  see '%s --help'\n" "$0" >&2
  exit 2
}

# need PROGRAM PACKAGE: fails unless PROGRAM can be run.
need() {
  PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1 ||
    die "$1 is not installed" "apt-get install $2"
}

# --help prints the comment that a script begins with.
print_header() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"
}

# suite NAME: sets release, flavour and kernel_from, the facts of one row of the kernel matrix.
suites='debian11 debian12 debian12-generic debian13 debian13-generic backports backports-generic'
suite() {
  kernel_from= flavour=cloud-amd64
  case $1 in *-generic) flavour=amd64 ;; esac
  case $1 in
    debian11) release=bullseye ;;
    debian12 | debian12-generic) release=bookworm ;;
    debian13 | debian13-generic) release=trixie ;;
    backports | backports-generic) release=trixie kernel_from=trixie-backports ;;
    *) usage_error "unknown suite '$1'; known: $suites" ;;
  esac
}

# The suite whose kernel the lab's own machine (L1) runs.
lab_suite=debian12-generic

# suite_ready NAME: true when the suite lies unpacked in the cache.
suite_ready() { [ -e "$cache_dir/suites/$1/complete" ]; }

require_suite() {
  suite_ready "$1" || "$lab_dir/fetch-kernels" "$1" >&2
}

# kernel_of NAME: sets kernel_root, kernel_version, kernel_image and kernel_modules.
kernel_of() {
  kernel_root=$cache_dir/suites/$1/root
  kernel_version=$(cat "$cache_dir/suites/$1/version")
  kernel_modules=$kernel_root/lib/modules/$kernel_version
  [ -d "$kernel_modules/kernel" ] || kernel_modules=$kernel_root/usr/lib/modules/$kernel_version
  kernel_image=$kernel_root/boot/vmlinuz-$kernel_version
  [ -e "$kernel_image" ] || kernel_image=$kernel_modules/vmlinuz
}
