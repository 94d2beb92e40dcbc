# Starting the virtual machine monitors that are compared; sourced, never run.
# shellcheck shell=bash

kinds=(hvis-vm 'QEMU q35' 'QEMU microvm')

# What hvis-vm shows its guests, as far as QEMU knows it.
qemu_cpu=host,kvm=off,hv-relaxed,hv-vpindex,hv-time,hv-runtime,hv-synic,hv-stimer,hv-stimer-direct,hv-frequencies,hv-reset,hv-tlbflush,hv-ipi,hv-crash

# monitors_start HVIS-VM GUEST-DIR: sets $work; everything ends with the script.
monitors_start() {
  hvis_vm=$1 guest=$2 monitor=
  work=$(mktemp -d)
  mkfifo "$work/serial"
  exec 4<>"$work/serial" # so that neither side waits for the other to open it
  trap 'monitor_kill; rm -rf "$work"' EXIT
}

write_config() {
  cat >"$work/config.json" <<EOT
{
  "name": "bench",
  "memory": "$1M",
  "processors": 1,
  "kernel": "$guest/vmlinuz",
  "initrd": "$guest/initrd",
  "append": "$(cat "$guest/cmdline") $2",
  "serial": "stdout",
  "control": "$work/control.sock"
}
EOT
}

# monitor_launch KIND MEGABYTES APPEND [QEMU-OPTION...]: sets $monitor, its process; lines of the serial port are
# for await_line.
monitor_launch() {
  local kind=$1 megabytes=$2 append=$3
  shift 3
  : >"$work/console"
  if [ "$kind" = hvis-vm ]; then
    write_config "$megabytes" "$append"
    "$hvis_vm" "$work/config.json" >"$work/serial" 2>"$work/log" 4<&- </dev/null &
  else
    local machine=q35
    [ "$kind" = 'QEMU q35' ] || machine=microvm,x-option-roms=off,pit=off,pic=off,isa-serial=on,rtc=on
    qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -accel kvm -smp 1 -m "$megabytes" \
      -object memory-backend-memfd,id=ram,size="$megabytes"M -machine "$machine,memory-backend=ram" \
      -cpu "$qemu_cpu" -kernel "$guest/vmlinuz" -initrd "$guest/initrd" \
      -append "$(cat "$guest/cmdline") $append" -serial stdio "$@" >"$work/serial" 2>"$work/log" 4<&- </dev/null &
  fi
  monitor=$!
  disown $monitor
}

# await_line TEXT DEADLINE: reads the serial port up to that line; fails at the deadline ($SECONDS) or when the monitor ended.
await_line() {
  local line
  while :; do
    if IFS= read -r -t 1 line <&4; then
      line=${line%$'\r'}
      printf '%s\n' "$line" >>"$work/console"
      [ "$line" != "$1" ] || return 0
    elif [ $SECONDS -ge "$2" ] || ! kill -0 "$monitor" 2>/dev/null; then
      cat "$work/log" >>"$work/console"
      return 1
    fi
  done
}

monitor_kill() {
  [ -n "$monitor" ] || return 0
  kill -KILL "$monitor" 2>/dev/null || true
  while kill -0 "$monitor" 2>/dev/null; do sleep 0.05; done
  monitor=
  rm -f "$work"/*.sock
  while IFS= read -r -t 0.1 <&4; do :; done
}

# private_kib PROCESS: what is private to it, guest RAM (a memfd) apart.
private_kib() {
  awk '/^[0-9a-f]+-[0-9a-f]+ / { ram = /memfd:/ }
       /^Private_(Clean|Dirty):/ && !ram { sum += $2 }
       END { print sum }' "/proc/$1/smaps"
}

monitor_versions() {
  printf '%s; %s; guest kernel %s' "$("$hvis_vm" --version 2>/dev/null | head -n 1)" \
    "$(qemu-system-x86_64 --version | head -n 1)" \
    "$(strings "$guest/vmlinuz" 2>/dev/null | sed -n 's/ (.*#.*//p' | head -n 1)"
}
