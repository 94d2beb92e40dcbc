#pragma once

namespace hvis::loop {

/// Lets this process open as many descriptors as it may: for programs whose connections are many.
/// epoll has no limit of its own, as select() had for which the low default is kept. Before
/// threads.
void raise_descriptor_limit();

}  // namespace hvis::loop
