#pragma once

#include "manager/supervisor/launcher.h"

namespace hvis::manager {

/// Runs workers as children in a session of their own: for containers, tests and hosts without
/// systemd. They outlive hvisd as long as whoever started it kills processes one by one, not by
/// control group.
///
/// Each worker inherits a locked file: the lock tells every later hvisd that it lives.
class ChildLauncher final : public Launcher {
public:
    void launch(const Order& order, Launched launched) override;
    void find(const Order& order, Found found) override;
    void kill(const Order& order, const WorkerProcess* process) override;
};

}  // namespace hvis::manager
