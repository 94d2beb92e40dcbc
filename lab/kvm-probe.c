// Tells whether this machine's KVM can carry a Hyper-V guest: every capability that hvis needs is
// there, and a virtual CPU with SynIC really runs. Exit status 0: yes; 1: no, with the reason.
// With --hold it makes an idle virtual machine and keeps it for ever, in the background (README.md: why).
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct {
  const char *name;
  int id;
} needed[] = {
    {"HYPERV", KVM_CAP_HYPERV},
    {"HYPERV_SYNIC2", KVM_CAP_HYPERV_SYNIC2},
    {"HYPERV_EVENTFD", KVM_CAP_HYPERV_EVENTFD},
    {"HYPERV_VP_INDEX", KVM_CAP_HYPERV_VP_INDEX},
    {"HYPERV_CPUID", KVM_CAP_HYPERV_CPUID},
    {"HYPERV_TLBFLUSH", KVM_CAP_HYPERV_TLBFLUSH},
    {"HYPERV_SEND_IPI", KVM_CAP_HYPERV_SEND_IPI},
    {"X86_USER_SPACE_MSR", KVM_CAP_X86_USER_SPACE_MSR},
    {"IRQFD", KVM_CAP_IRQFD},
    {"IRQFD_RESAMPLE", KVM_CAP_IRQFD_RESAMPLE},
    {"IOEVENTFD", KVM_CAP_IOEVENTFD},
    {"IRQ_ROUTING", KVM_CAP_IRQ_ROUTING},
};

static int fail(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  return 1;
}

// Runs one `hlt`-like program in real mode: out %al, $0x80 must come back as an exit.
static int run_once(int kvm) {
  const unsigned char code[] = {0xe6, 0x80};
  int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  if (vm < 0) return fail("KVM_CREATE_VM");
  if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0) return fail("KVM_CREATE_IRQCHIP");
  unsigned char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail("mmap");
  memcpy(memory, code, sizeof(code));
  struct kvm_userspace_memory_region region = {.memory_size = 4096, .userspace_addr = (__u64)memory};
  if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0) return fail("KVM_SET_USER_MEMORY_REGION");
  int cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
  if (cpu < 0) return fail("KVM_CREATE_VCPU");
  struct kvm_enable_cap synic = {.cap = KVM_CAP_HYPERV_SYNIC2};
  if (ioctl(cpu, KVM_ENABLE_CAP, &synic) < 0) return fail("KVM_ENABLE_CAP(HYPERV_SYNIC2)");
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  struct kvm_run *run = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  if (run == MAP_FAILED) return fail("mmap of the virtual CPU");
  struct kvm_sregs sregs;
  if (ioctl(cpu, KVM_GET_SREGS, &sregs) < 0) return fail("KVM_GET_SREGS");
  sregs.cs.base = sregs.cs.selector = 0;
  if (ioctl(cpu, KVM_SET_SREGS, &sregs) < 0) return fail("KVM_SET_SREGS");
  struct kvm_regs regs = {.rflags = 2};
  if (ioctl(cpu, KVM_SET_REGS, &regs) < 0) return fail("KVM_SET_REGS");
  alarm(10);  // a broken KVM may never come back
  if (ioctl(cpu, KVM_RUN, 0) < 0) return fail("KVM_RUN");
  if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0x80) return 0;
  printf("a virtual CPU does not run: exit reason %u\n", run->exit_reason);
  return 1;
}

static int hold(int kvm) {
  int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  if (vm < 0) return fail("KVM_CREATE_VM");
  if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0) return fail("KVM_CREATE_IRQCHIP");
  if (ioctl(vm, KVM_CREATE_VCPU, 0) < 0) return fail("KVM_CREATE_VCPU");
  if (daemon(1, 0) != 0) return fail("daemon");
  for (;;) pause();
}

int main(int argc, char **argv) {
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return fail("/dev/kvm");
  if (argc == 2 && !strcmp(argv[1], "--hold")) return hold(kvm);
  int missing = 0;
  for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
    if (ioctl(kvm, KVM_CHECK_EXTENSION, needed[i].id) <= 0)
      printf("%s%s", missing++ ? ", " : "KVM lacks ", needed[i].name);
  if (missing) {
    printf("\n");
    return 1;
  }
  if (run_once(kvm)) return 1;
  printf("KVM has all %zu capabilities and runs a virtual CPU with SynIC\n", sizeof(needed) / sizeof(needed[0]));
  return 0;
}
