# The emulated machine (L1): starting it, giving it jobs, ending it. Sourced by lab/run.
# shellcheck shell=bash disable=SC2154

# Nested XSAVE and AVX state is wrong in QEMU 7.2: guests of such a processor die (lab/README.md).
processor=max,+svm,+npt,-xsave,-pku,-avx,-avx2,-vaes,-vpclmulqdq,-f16c,-fma

# A small buffer for translated code is emptied at once, about once in a guest's boot. With the default of 1 GB
# the translations of every guest before are still there and are dropped one by one where the next guest writes.
translation=tb-size=${HVIS_LAB_TB_SIZE:-64}

# compiled NAME SOURCE: prints the path of a helper program, compiled when it is older than its source.
compiled() {
  local program=$build_dir/bin/$1
  if [ ! -x "$program" ] || [ "$2" -nt "$program" ]; then
    need cc gcc
    mkdir -p "$build_dir/bin"
    cc -O1 -o "$program.$$" "$2" && mv "$program.$$" "$program"
  fi
  echo "$program"
}

machine_probe() {
  local program
  program=$(compiled kvm-probe "$lab_dir/kvm-probe.c") || { echo "the probe does not compile"; return 1; }
  "$program" || return 1
}

# machine_initrd: the machine's kernel and initramfs, made again when something that they are made of changed.
machine_initrd() {
  . "$lab_dir/share/initrd.bash"
  initrd=$build_dir/l1.cpio
  mkdir -p "$build_dir"
  (
    flock 7
    machine_kernel
    fresh "$initrd" "$lab_dir"/share/{l1-init,l1-runner,initrd.bash} "$(busybox_path)" \
      "$cache_dir/suites/$lab_suite/packages" && exit
    stage=$(mktemp -d "$build_dir/stage.XXXXXX")
    mkdir -p "$stage"/{proc,sys,dev}
    cp "$lab_dir/share/l1-init" "$stage/init"
    cp "$lab_dir/share/l1-runner" "$stage/"
    chmod 755 "$stage/init"
    stage_busybox "$stage"
    stage_modules "$stage" virtio_pci virtio_console virtio_net 9p 9pnet_virtio overlay kvm_amd
    pack "$stage" "$initrd"
    echo "$inputs" >"$initrd.inputs"
    rm -rf "$stage"
  ) 7>"$build_dir/l1.lock"
}

# machine_kernel: the machine's kernel without its compression, which the emulated processor takes 3 s to undo.
machine_kernel() {
  local image=$kernel_image
  kernel_image=$build_dir/l1.vmlinux
  fresh "$kernel_image" "$cache_dir/suites/$lab_suite/packages" && return
  unpack_kernel "$image" "$kernel_image"
  echo "$inputs" >"$kernel_image.inputs"
}

machine_launch() {
  local port network=(-nic none)
  if [ -n "$forwards" ]; then
    network=(-nic "user,model=virtio-net-pci,restrict=on$(for port in $forwards; do
      printf ',hostfwd=tcp:127.0.0.1:%s-10.0.2.15:%s' "${port%%:*}" "${port##*:}"
    done)")
  fi
  rm -f "$machine/control/booted"
  "$emulator" -name hvis-lab -nodefaults -no-reboot -display none \
    -accel "tcg,thread=multi,$translation" -cpu "${HVIS_LAB_PROCESSOR:-$processor}" -smp "$cpus" -m "$memory" \
    -kernel "$kernel_image" -initrd "$initrd" \
    -append "console=ttyS0 quiet loglevel=5 panic=-1 mitigations=off nokaslr tsc=reliable maxcpus=1 noreplace-smp ${HVIS_LAB_APPEND-}" \
    -serial "file:$console_log" \
    -virtfs local,path=/,mount_tag=hostroot,security_model=none,readonly=on,multidevs=remap \
    -virtfs "local,path=$machine/control,mount_tag=control,security_model=none" \
    -virtfs "local,path=$HVIS_LAB_OUT,mount_tag=out,security_model=none,multidevs=remap" \
    -device virtio-serial-pci -chardev "socket,id=shell,path=$machine/shell,server=on,wait=off" \
    -device virtconsole,chardev=shell "${network[@]}" ${HVIS_LAB_QEMU-} \
    </dev/null >"$machine/qemu.log" 2>&1 & # and holds the lock of its log (8)
  qemu=$!
  echo $qemu >"$machine/pid"
}

# A process that ended and was not yet waited for is a zombie, and not alive.
machine_alive() {
  local state=
  read -r _ _ state _ 2>/dev/null <"/proc/$qemu/stat" && [ "$state" != Z ]
}

# machine_booted: waits until the machine's own init runs.
machine_booted() {
  local patience=$((SECONDS + 180))
  [ $patience -lt $deadline ] || patience=$deadline
  until [ -e "$machine/control/booted" ]; do
    machine_alive && [ $SECONDS -lt $patience ] || return 1
    sleep 0.1
  done
}

machine_start() {
  emulator=$("$lab_dir/emulator") || exit 125
  require_suite "$lab_suite"
  kernel_of "$lab_suite"
  machine_initrd
  kernel_image=$build_dir/l1.vmlinux
  machine=$(mktemp -d "${TMPDIR:-/tmp}/hvis-lab.XXXXXX")
  export HVIS_LAB_MACHINE=$machine # for jobs that tell how to attach to it
  mkdir -p "$machine/control/jobs"
  # A second lab of the same tree logs beside the first.
  console_log=$build_dir/console.log
  exec 8>"$build_dir/console.lock"
  flock -n 8 || console_log=$build_dir/console.$$.log
  printf 'HVIS_LAB_OUT=%q\nHVIS_LAB_MODULES=%q\nHVIS_LAB_PROBE=%q\n' "$HVIS_LAB_OUT" "$kernel_modules" \
    "$(compiled kvm-probe "$lab_dir/kvm-probe.c")" >"$machine/control/config"
  qemu=
  trap 'machine_end' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  machine_launch
  machine_booted && return
  say "the emulated machine did not reach its init; starting it again (1 retry)"
  cp "$console_log" "$console_log.failed" 2>/dev/null || true
  kill -KILL "$qemu" 2>/dev/null || true
  wait "$qemu" 2>/dev/null || true
  machine_launch
  machine_booted && return
  tail -n 5 "$machine/qemu.log" "$console_log" >&2 || true
  say "the emulated machine did not start"
  exit 125
}

# machine_end: on every way out; a kept machine lives on unless it never worked.
machine_end() {
  local status=$?
  trap - EXIT INT TERM HUP
  set +e
  [ -z "${follower-}" ] || kill $follower 2>/dev/null
  if [ -n "$keep" ] && [ -n "$qemu" ] && machine_alive && [ $status -ne 130 ]; then
    say "the machine is kept in $machine (pid $qemu)"
    printf '  attach: %s --attach %s -- COMMAND\n  shell:  %s --attach %s --shell\n  end:    %s --stop %s\n' \
      "$0" "$machine" "$0" "$machine" "$0" "$machine" >&2
    disown "$qemu" 2>/dev/null
    exit $status
  fi
  if [ -n "$qemu" ]; then
    kill -KILL "$qemu" 2>/dev/null
    wait "$qemu" 2>/dev/null
  fi
  rm -rf "$machine"
  exit $status
}

machine_attach() {
  machine=$1
  qemu=$(cat "$machine/pid" 2>/dev/null) && machine_alive ||
    die "no machine is running in $machine" "start one: lab/run --keep -- true"
  trap 'machine_cancel; exit 130' INT
  trap 'machine_cancel; exit 143' TERM HUP
}

machine_cancel() { [ -z "${job-}" ] || touch "$job/cancel"; }

machine_stop() {
  machine=$1
  qemu=$(cat "$machine/pid" 2>/dev/null) || die "no machine is in $machine" "see the line that --keep printed"
  case $(cat "/proc/$qemu/comm" 2>/dev/null) in
    qemu-system*) kill "$qemu" ;;
  esac
  rm -rf "$machine"
}

# write_job COMMAND...: makes a job of it; sets $job.
write_job() {
  local name
  job=$(mktemp -d "$machine/control/jobs/XXXXXX")
  : >"$job/stdout" && : >"$job/stderr"
  {
    for name in $passed $(compgen -e | grep '^HVIS_' || true); do
      [ "$name" = HVIS_LAB_OUT ] || [ -z "${!name+set}" ] || printf 'export %s=%q\n' "$name" "${!name}"
    done
    printf 'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\nexport USER=root LOGNAME=root\ncd %q || exit 125\nexec' "$PWD"
    printf ' %q' "$@"
    echo
  } >"$job/script.new"
}

# wait_for_job: returns its status; also ends when the machine dies or time is out.
wait_for_job() {
  while [ ! -e "$job/status" ]; do
    machine_alive || return 125
    [ $SECONDS -lt $deadline ] || return 124
    sleep 0.1
  done
  return "$(cat "$job/status")"
}

# machine_job COMMAND...: its output appears here while it runs.
machine_job() {
  local status=0
  write_job "$@"
  mv "$job/script.new" "$job/script"
  (wait_for_job) &
  local waiter=$!
  tail -q -s 0.1 --pid=$waiter -c +1 -f "$job/stderr" >&2 &
  local errors=$!
  tail -q -s 0.1 --pid=$waiter -c +1 -f "$job/stdout" &
  follower="$! $errors $waiter"
  wait $waiter || status=$?
  wait $! $errors || true
  follower=
  case $status in
    124) [ -e "$job/status" ] || { say "time is out after $timeout s (--timeout)" && machine_cancel; } ;;
    125)
      [ -e "$job/status" ] || {
        say "the emulated machine died; its last words:"
        tail -n 15 "${console_log:-$build_dir/console.log}" >&2
      }
      ;;
  esac
  return $status
}

machine_shell() {
  local program size
  program=$(compiled console "$lab_dir/share/console.c")
  size=$(stty size)
  [ "$size" != '0 0' ] || size='24 80' # a terminal that does not know its size
  write_job bash -c "stty sane rows ${size% *} cols ${size#* }; exec bash -l"
  touch "$job/terminal"
  mv "$job/script.new" "$job/script"
  "$program" "$machine/shell" "$job/status"
}
