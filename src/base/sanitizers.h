#pragma once

// Whether a sanitizer's run-time library is part of the program, for the system call filters: it
// makes calls of its own. GCC defines macros, clang has a feature test.
#if defined(__SANITIZE_ADDRESS__)
#define HVIS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HVIS_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef HVIS_ADDRESS_SANITIZER
#define HVIS_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__)
#define HVIS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HVIS_THREAD_SANITIZER 1
#endif
#endif
#ifndef HVIS_THREAD_SANITIZER
#define HVIS_THREAD_SANITIZER 0
#endif

#define HVIS_SANITIZED (HVIS_ADDRESS_SANITIZER || HVIS_THREAD_SANITIZER)
