# How benchmarks report; sourced, never run.
# shellcheck shell=bash

say() { printf 'bench: %s\n' "$*" >&2; }

die() {
  say "$1"
  shift
  [ $# -eq 0 ] || printf '  next: %s\n' "$@" >&2
  exit 1
}

usage_error() {
  say "$1"
  printf "  see 'bench/run --help'\n" >&2
  exit 2
}

# values "a=1 b=2": sets $a and $b; the words come from our own programs.
values() {
  local word
  [ -n "$1" ] || die "a benchmark printed nothing"
  for word in $1; do
    printf -v "${word%%=*}" %s "${word#*=}"
  done
}

# in_lab SCRIPT ARGUMENT...: runs it on a machine that carries Hyper-V guests.
in_lab() { lab/run --cpus 2 --timeout 3000 -- "$@"; }

# circumstances NAME: one line that says on what, when and how.
circumstances() {
  local processor
  processor=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
  printf '`bench/run %s` on %s, %s × %s, Linux %s, commit %s.' "$1" "$(date -u +%Y-%m-%d)" "$(nproc)" \
    "$processor" "$(uname -r)" "$(git rev-parse --short HEAD)"
  case $1 in
    boot | requests) printf ' %s' "$(lab/run --why 2>&1 | sed 's/^run: /Lab: /; s/$/./')" ;;
  esac
  echo
}

# save_section NAME TEXT: replaces what stands between the markers of that name.
save_section() {
  local file=docs/performance.md
  grep -q "^<!-- begin $1 -->$" "$file" || die "$file has no markers for '$1'"
  NAME=$1 TEXT=$2 awk '
    $0 == "<!-- end " ENVIRON["NAME"] " -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- begin " ENVIRON["NAME"] " -->" { inside = 1; print ENVIRON["TEXT"] }
  ' "$file" >"$file.new"
  mv "$file.new" "$file"
}
