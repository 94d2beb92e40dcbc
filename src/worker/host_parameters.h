#pragma once

#include <map>
#include <string>
#include <string_view>

#include "worker/config.h"

namespace hvis::worker {

/// What guests are told of their host in Guest\Parameters: control::kHostFacts.
class HostParameters {
public:
    /// Of this host. Opens a file: only before the process confines itself.
    static HostParameters read();
    /// `hosts` is the text of an /etc/hosts.
    HostParameters(std::string_view node, std::string_view release, std::string_view hosts);

    /// The host may have got another name since. Its domain is taken to be the same.
    void look_again();
    void rename(std::string_view node);

    /// For the guest of `config`, whose own pairs take precedence.
    [[nodiscard]] std::map<std::string, std::string> for_guest(const Config& config) const;

private:
    std::string node_;
    std::string qualified_node_;
    std::string major_;
    std::string minor_;
    std::string domain_;  ///< with its dot
};

}  // namespace hvis::worker
