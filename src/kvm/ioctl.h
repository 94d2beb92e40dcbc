#pragma once

#include <string_view>

#include <sys/ioctl.h>

#include "base/result.h"

namespace hvis::kvm {

/// One KVM ioctl whose argument is a number; the result is what the kernel returned.
inline Result<int> kvm_call(int fd, unsigned long request, unsigned long argument,
                            std::string_view name) {
    const int result = ioctl(fd, request, argument);
    if (result < 0) {
        return fail_errno(name);
    }
    return result;
}

/// One KVM ioctl whose argument is a structure.
template <class T>
Result<int> kvm_call(int fd, unsigned long request, T* argument, std::string_view name) {
    const int result = ioctl(fd, request, argument);
    if (result < 0) {
        return fail_errno(name);
    }
    return result;
}

}  // namespace hvis::kvm

/// kvm_call that names itself in the error.
#define HVIS_KVM(fd, request, argument) ::hvis::kvm::kvm_call((fd), (request), (argument), #request)
