# A private apt: own state, cache and sources; keys and mirror of the machine it runs on. Sourced.
# shellcheck shell=bash

# apt_source_entries: this machine's apt sources as lines of "URI suite", from both file formats.
apt_source_entries() {
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -r "$file" ] || continue
    sed -n 's/\[[^]]*\]//; s/^[[:space:]]*deb[[:space:]]\+\([^[:space:]]\+\)[[:space:]]\+\([^[:space:]]\+\).*/\1 \2/p' "$file"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -r "$file" ] || continue
    awk '
      function flush(  i, j, nu, ns, u, s) {
        nu = split(uris, u, " "); ns = split(names, s, " ")
        if (off == 0) for (i = 1; i <= nu; i++) for (j = 1; j <= ns; j++) print u[i], s[j]
        uris = names = key = ""; off = 0
      }
      /^#/ { next }
      /^[ \t]*$/ { flush(); next }
      /^[^ \t]/ { key = tolower($1); sub(/^[^:]*:/, "") }
      key == "uris:" { uris = uris " " $0 }
      key == "suites:" { names = names " " $0 }
      key == "enabled:" && /no|false/ { off = 1 }
      END { flush() }' "$file"
  done
}

# apt_mirror PATTERN: the first URI whose suite matches the pattern.
apt_mirror() {
  apt_source_entries | awk -v want="$1" '$2 ~ want { sub(/\/$/, "", $1); print $1; exit }'
}

# apt_prepare RELEASE [PREFERRED [deb-src]]: writes the configuration of RELEASE and points apt at it.
# With PREFERRED (a backports suite) packages come from there first; with deb-src they are source packages.
apt_prepare() {
  local mirror security keyring kind=${3:-deb} codenames='^(bullseye|bookworm|trixie|forky|sid|stable|testing)$'
  apt_root=$cache_dir/apt/${2:-$1}${3:+-sources}
  mirror=${HVIS_DEBIAN_MIRROR:-$(apt_mirror "$codenames")}
  security=${HVIS_DEBIAN_SECURITY_MIRROR:-$(apt_mirror '-security$')}
  [ -n "$mirror" ] || die "this machine's apt sources name no Debian mirror" \
    "set HVIS_DEBIAN_MIRROR, and HVIS_DEBIAN_SECURITY_MIRROR, to the URIs of one"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ] || die "Debian's archive keys are missing" "apt-get install debian-archive-keyring"

  mkdir -p "$apt_root"/{state/lists/partial,cache/archives/partial,parts}
  touch "$apt_root/status"
  {
    echo "$kind [signed-by=$keyring] $mirror $1 main"
    [ -z "$security" ] || echo "$kind [signed-by=$keyring] $security $1-security main"
    [ -z "${2-}" ] || echo "$kind [signed-by=$keyring] $mirror $2 main"
  } >"$apt_root/sources.list"
  {
    # How this machine reaches its mirror (proxy, timeouts) holds here too; nothing else of it does.
    env -u APT_CONFIG apt-config dump | grep -E '^Acquire::(https?|ftp|Retries|ForceIPv)' || true
    cat <<END
Dir::State "$apt_root/state";
Dir::State::status "$apt_root/status";
Dir::Cache "$apt_root/cache";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$apt_root/parts";
Dir::Etc::sourcelist "$apt_root/sources.list";
Dir::Etc::sourceparts "$apt_root/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$apt_root/parts";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
${2:+APT::Default-Release "$2";}
END
  } >"$apt_root/apt.conf"
  export APT_CONFIG=$apt_root/apt.conf
}

# apt_refresh: reads the package lists, once in a run for each configuration.
apt_refresh() {
  case " ${apt_refreshed-} " in *" $apt_root "*) return ;; esac
  apt-get -q update >"$apt_root/update.log" 2>&1 || {
    tail -n 5 "$apt_root/update.log" >&2
    die "cannot read the package lists of ${apt_root##*/}" "check the network; the whole log is $apt_root/update.log"
  }
  apt_refreshed="${apt_refreshed-} $apt_root"
}

# apt_depends PACKAGE: the packages that its newest version depends on, one a line.
apt_depends() {
  apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances "$1" 2>/dev/null | sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}Depends: \([^<]*\)$/\2/p'
}

# apt_download PACKAGE FOLDER: the newest version that the mirror still has.
apt_download() {
  local version
  (cd "$2" && apt-get -q download "$1" >"$apt_root/download.log" 2>&1) && return
  # An index may list a version whose file has left the mirror.
  for version in $(apt-cache madison "$1" | awk '{ print $3 }'); do
    (cd "$2" && apt-get -q download "$1=$version" >>"$apt_root/download.log" 2>&1) && {
      say "$1: took $version, the newest that the mirror still has"
      return
    }
  done
  tail -n 5 "$apt_root/download.log" >&2
  die "cannot download $1" "check the network; the whole log is $apt_root/download.log"
}
