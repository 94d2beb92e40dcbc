#include <algorithm>
#include <array>

#include "control/events.h"

namespace hvis::control {
namespace {

using enum EventId;
using enum Severity;

constexpr auto kTable = std::to_array<EventSpec>({
    {kVmStarted, "vm_started", kInfo, "machine",
     "the machine has started with {processors} processors and {memory} bytes of memory",
     "The worker has loaded the guest and runs it."},
    {kVmStopped, "vm_stopped", kInfo, "machine", "the machine has stopped: {reason}",
     "The worker is about to leave, or waits to be told to start the machine again."},
    {kVmPoweredOff, "vm_powered_off", kInfo, "machine", "the machine was switched off by {by}",
     "`by` is `guest` for a power-off of its own (also at the end of a clean shutdown), `request` "
     "for `power_off`, `heartbeat` for the policy."},
    {kVmReset, "vm_reset", kInfo, "machine", "the machine was reset by {by}",
     "`by` as above. All services connect anew."},
    {kVmPaused, "vm_paused", kInfo, "machine", "the machine is paused",
     "No virtual processor runs. Silence is not held against the guest."},
    {kVmResumed, "vm_resumed", kInfo, "machine", "the machine runs again",
     "The guest's clock is set if its time service is connected."},
    {kGuestCrashed, "guest_crashed", kCritical, "machine",
     "the guest has crashed: {text} ({p0} {p1} {p2} {p3} {p4})",
     "The guest reported its own crash. `text` is its panic message where it gave one; the five "
     "parameters are those of the guest crash MSRs."},
    {kTripleFault, "triple_fault", kCritical, "machine",
     "processor {processor} of the guest could not go on (triple fault)",
     "The guest broke down without a report. Look at its serial console."},
    {kVmFailed, "vm_failed", kCritical, "machine", "the machine failed on the host: {reason}",
     "Not the guest's doing: the host could not go on running it."},
    {kVmbusConnected, "vmbus_connected", kInfo, "vmbus",
     "the guest has connected to the VMBus, protocol version {version}",
     "The guest's hv_vmbus driver is running."},
    {kVmbusDisconnected, "vmbus_disconnected", kInfo, "vmbus",
     "the guest has disconnected from the VMBus",
     "It unloaded its driver, is shutting down, or starts a crash kernel."},
    {kServiceNegotiated, "service_negotiated", kInfo, "*",
     "{service} is connected, framework {framework}, message {message}",
     "The guest's half of the service is there and speaks these versions."},
    {kServiceDisconnected, "service_disconnected", kInfo, "*",
     "the guest has closed the channel of {service}",
     "Its driver was unloaded, or the guest restarts."},
    {kServiceEnabled, "service_enabled", kInfo, "*", "{service} was enabled",
     "The service is offered to the guest."},
    {kServiceDisabled, "service_disabled", kInfo, "*", "{service} was disabled",
     "The service is withdrawn from the guest; requests that were waiting have ended."},
    {kServiceMismatch, "service_mismatch", kError, "*",
     "{service} cannot be used: the guest offers no version that we speak",
     "The guest's half of the service is too old or too new."},
    {kGuestMessageRejected, "guest_message_rejected", kWarning, "*",
     "a message of the guest for {service} was rejected: {reason} ({suppressed} more not shown)",
     "The guest broke the protocol. `service` is `vmbus` for a message about the bus or its "
     "channels. "
     "At most a few are recorded in ten seconds."},
    {kEventsSuppressed, "events_suppressed", kWarning, "*",
     "{service}: {count} more events {event} were not recorded",
     "The same happens over and over, more than an administrator would bring about. After 72 "
     "events "
     "of one kind one more is recorded every five seconds; this event tells of the others, at most "
     "once in a minute."},
    {kHeartbeatLost, "heartbeat_lost", kError, "heartbeat",
     "the guest has stopped answering: {missed} of the last {window} beats were missed",
     "The guest has locked up, crashed or ceased to function. What follows is set by `on_loss`."},
    {kHeartbeatRegained, "heartbeat_regained", kInfo, "heartbeat",
     "the guest answers again after {silent_ms} ms", "Beats are answered in time again."},
    {kApplicationCritical, "application_critical", kError, "heartbeat",
     "the guest reports that an application is in a critical state",
     "The guest itself answers; its application monitor says that something in it does not work."},
    {kApplicationHealthy, "application_healthy", kInfo, "heartbeat",
     "the guest reports that its applications are healthy again",
     "The critical state is over. A guest that was reset, or whose heartbeat is disabled, says "
     "nothing of its applications: that does not end it."},
    {kHostStallNoticed, "host_stall_noticed", kWarning, "heartbeat",
     "the host itself was {late_ms} ms late: the beats of that time are not counted",
     "The host is overloaded or was suspended. Nothing is held against the guest."},
    {kLossActionTaken, "loss_action_taken", kWarning, "heartbeat",
     "{action} carried out because the heartbeat was lost, attempt {attempt} of {attempts}",
     "The policy's `on_loss` at work."},
    {kLossAttemptsExhausted, "loss_attempts_exhausted", kCritical, "heartbeat",
     "the heartbeat is still lost after {attempts} attempts: the machine is left alone",
     "The guest does not come up by itself; someone has to look at it."},
    {kShutdownRequested, "shutdown_requested", kInfo, "shutdown",
     "{action} was asked of the guest, answer awaited for {timeout_ms} ms",
     "`action` is `shutdown`, `restart` or `hibernate`."},
    {kShutdownAccepted, "shutdown_accepted", kInfo, "shutdown", "the guest has agreed to {action}",
     "It takes itself down now."},
    {kShutdownRefused, "shutdown_refused", kWarning, "shutdown",
     "the guest has refused to {action}: status {status}",
     "`status` is the guest's HRESULT; 0x80004005 is its general failure."},
    {kShutdownTimedOut, "shutdown_timed_out", kWarning, "shutdown",
     "{action} was not done within {timeout_ms} ms",
     "The guest did not answer, or answered and hangs on its way down."},
    {kTimeSynced, "time_synced", kInfo, "timesync", "the guest was told to set its clock: {reason}",
     "`reason` is `connected`, `resumed` or `request`."},
    {kTimeOffset, "time_offset", kWarning, "timesync",
     "the guest's clock is {offset_ms} ms away from the host's",
     "Another time source in the guest may be at work, or it does not follow the host. Told once "
     "each time that more than two seconds are reached. Linux guests do not report their clock."},
    {kKvpPushed, "kvp_pushed", kInfo, "kvp", "{count} pairs were written into pool {pool}",
     "The guest now sees these facts of the host or of the administrator. `pool` is `parameters` "
     "or "
     "`external`."},
    {kKvpChanged, "kvp_changed", kInfo, "kvp", "the guest has changed {key} in pool {pool}",
     "Looked for only while a `kvp.watch` of the pool is outstanding, and told for the pools "
     "`guest` "
     "and `auto`. `value` is the new value; it is missing when the key was removed."},
    {kKvpDaemonMissing, "kvp_daemon_missing", kWarning, "kvp",
     "the guest has the driver, but no daemon has registered",
     "A minute has passed since the guest opened the channel. Install hyperv-daemons or hvis-guest "
     "in the guest, and start it."},
    {kWorkerStarted, "worker_started", kInfo, "manager",
     "a worker was started, process {pid}, run {run}",
     "hvisd has started `hvis-vm` for this VM and is connected to it. `run` names this life of the "
     "worker."},
    {kWorkerAdopted, "worker_adopted", kInfo, "manager",
     "a running worker was taken over, process {pid}, run {run}",
     "hvisd itself was started anew; the VM went on meanwhile."},
    {kWorkerEnded, "worker_ended", kInfo, "manager", "the worker has ended: {why}",
     "As was wanted, or because the guest stopped."},
    {kWorkerFailed, "worker_failed", kError, "manager", "the worker ended unasked: {why}",
     "It failed, was killed, could not be started, or its guest crashed. What follows is set by "
     "`restart`."},
    {kWorkerUnreachable, "worker_unreachable", kError, "manager",
     "the worker lives, but does not answer: {why}",
     "The guest may still run. Look at the worker's log; cutting the power ends it."},
    {kWorkerReachable, "worker_reachable", kInfo, "manager",
     "the worker answers again after {silent_ms} ms", "It was stopped, or starved of processors."},
    {kWorkerEventsLost, "worker_events_lost", kWarning, "manager",
     "{count} events of the worker were no longer kept when hvisd came to take them",
     "Of earlier versions of hvisd: it is `events_not_taken` (7103) now."},
    {kRestartScheduled, "restart_scheduled", kWarning, "manager",
     "the VM is started again in {delay_ms} ms, attempt {attempt} of {attempts}",
     "The VM's `restart` policy at work."},
    {kRestartGivenUp, "restart_given_up", kCritical, "manager",
     "the VM is not started again after {attempts} attempts: {why}",
     "Find the cause, then start it by hand."},
    {kSettingsNotApplied, "settings_not_applied", kWarning, "manager",
     "{setting} could not be carried over to the running VM: {why}",
     "It is tried again when the guest's service connects anew, and holds from the next start."},
    {kWorkerUnknown, "worker_unknown", kWarning, "manager",
     "a worker runs that the database knows nothing of: VM {id}, process {pid}, listening at "
     "{socket}",
     "A VM that was defined after the backup that is the database now. Shut its guest down with "
     "`hvis-vm --connect SOCKET shutdown`, or cut its power with `hvis-vm --connect SOCKET "
     "power-off`. Or define the VM again with the same `id`: its worker is then taken over. Told "
     "at "
     "each start of hvisd."},
    {kStoreFailed, "store_failed", kError, "manager", "events cannot be kept: {reason}",
     "hvisd cannot write its database; a full disk is the usual cause. Up to 65,536 events wait in "
     "memory, more stay with the workers; VMs run on. Recorded with the time at which it began, as "
     "soon as writing works again; at that time it is a line in hvisd's log."},
    {kStoreRecovered, "store_recovered", kInfo, "manager",
     "events are kept again after {seconds} s; {waiting} had waited",
     "Nothing else is to be done."},
    {kEventsNotTaken, "events_not_taken", kError, "manager",
     "{count} events of the worker, from its number {first} on, are lost",
     "The worker keeps 4096 events; hvisd was away, or could not write, for so long that the "
     "worker "
     "had to drop the oldest."},
    {kEventsDropped, "events_dropped", kError, "manager", "{count} events of hvisd itself are lost",
     "They came while the database could not be written and the memory for them was full."},
    {kAutostartFailed, "autostart_failed", kError, "manager",
     "the VM could not be started with the host: {why}", "`restart` says what follows."},
    {kHostShutdown, "host_shutdown", kInfo, "manager",
     "the host goes down: {count} VMs are shut down",
     "In the reverse of their `order`, each for at most its `stop_timeout_ms`."},
    {kGuestTooSlow, "guest_too_slow", kWarning, "manager",
     "the guest has not shut down with the host: {why}; its power is cut",
     "Give it more time with `stop_timeout_ms`."},
    {kVmDefined, "vm_defined", kInfo, "manager", "the VM was defined", "An administrator made it."},
    {kVmChanged, "vm_changed", kInfo, "manager", "the definition was changed: {fields}",
     "`fields` lists what is different."},
    {kVmDeleted, "vm_deleted", kInfo, "manager", "the VM was deleted", "Its events are kept."},
    {kImportSwept, "import_swept", kInfo, "manager",
     "what an unfinished import had copied was deleted: {folder}, {bytes} bytes",
     "hvisd had ended while a VM was imported. The VM was not defined: import it again."},
    {kTokenCreated, "token_created", kInfo, "manager",
     "{by} has made the token {name} with the role {role}",
     "Whoever has its secret may do over TCP, and over the socket, what that role may. `id` is "
     "what "
     "`hvis token delete` takes."},
    {kTokenDeleted, "token_deleted", kInfo, "manager",
     "{by} has deleted the token {name} with the role {role}",
     "It is worth nothing from now on; connections that were opened with it are closed."},
    {kAlertTest, "alert_test", kCritical, "manager", "{caller} has asked for a test of the alerts",
     "Nothing is wrong: `hvis heartbeat test` sends this event the whole way, through the log, the "
     "journal, webhooks and hooks. It has the highest severity so that every filter by severity "
     "lets "
     "it through."},
    {kHookFailed, "hook_failed", kWarning, "manager",
     "hook {hook} does not take events: {reason} (event {event})",
     "A webhook is tried again, later and later, until it takes the event or the log no longer has "
     "it; a program is run again only if it ends with status 75 or this host could not run it. At "
     "most one such event a minute "
     "for each hook."},
    {kHookRecovered, "hook_recovered", kInfo, "manager", "hook {hook} takes events again",
     "What waited for it is on its way."},
    {kHookMissedEvents, "hook_missed_events", kError, "manager",
     "hook {hook} has missed the events from number {first} to {last}",
     "They were deleted from the log before the hook took them: see `events.keep` and "
     "`events.max_age` of the configuration."},
});

constexpr bool ordered_by_number() {
    return std::ranges::adjacent_find(kTable, std::ranges::greater_equal{}, &EventSpec::id) ==
           kTable.end();
}
static_assert(ordered_by_number(), "each number once, in order");

}  // namespace

std::span<const EventSpec> event_table() { return kTable; }

const EventSpec& spec_of(EventId id) {
    return *std::ranges::lower_bound(kTable, id, {}, &EventSpec::id);
}

}  // namespace hvis::control
