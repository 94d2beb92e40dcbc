#include <array>

#include <nlohmann/json.hpp>

#include "cli/confirm.h"
#include "cli/verbs/verbs.h"
#include "cli/verbs/vm_fields.h"
#include "control/commands.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;
using control::text_at;

constexpr std::array<std::string_view, 2> kPartitions = {"kvm", "loopback"};

/// A line of what would keep the VM from being started as things are now; nothing where all is
/// well.
std::string warnings_text(const Json& vm) {
    const std::string warnings = control::joined(control::member_of(vm, "warnings"));
    return warnings.empty() ? "" : "warning: " + warnings + "\n";
}

struct CreateVm {
    std::string vm;
    std::string partition;
    std::vector<std::string> disabled;
    bool start = false;
    VmFields fields;

    Result<void, Failure> run(Session& session) const {
        Json definition = {{"name", vm}};
        definition.merge_patch(fields.document());
        if (!fields.memory) {
            definition["memory"] = "512M";
        }
        if (!partition.empty()) {
            definition["partition"] = partition;
        }
        for (const std::string& service : disabled) {
            definition["services"][service] = false;
        }
        const Document created = HVIS_TRY(session.api.send("POST", Target("/vms"), definition));
        if (!start) {
            session.print(*created, vm + " is defined; start it: hvis start " + vm + "\n" +
                                        warnings_text(*created));
            return {};
        }
        const Document operation =
            HVIS_TRY(session.api.send("POST", Target::vm(vm) / "start", Json::object()));
        HVIS_TRY(finish_operation(session, operation));
        session.print(*created, vm + " is defined and runs\n");
        return {};
    }
};

struct SetVm {
    std::string vm;
    std::string name;
    VmFields fields;

    Result<void, Failure> run(Session& session) const {
        Json patch = fields.document();
        if (!name.empty()) {
            patch["name"] = name;
        }
        if (patch.empty()) {
            return std::unexpected(
                make_failure(ErrorCode::kUsage, "nothing to change", "see hvis vm set --help"));
        }
        const Document changed = HVIS_TRY(session.api.send("PATCH", Target::vm(vm), patch));
        std::string text = vm + " is changed\n";
        if (const std::string waits = control::joined(control::member_of(*changed, "pending"));
            !waits.empty()) {
            text += "from its next start: " + waits + "\n";
        }
        session.print(*changed, text + warnings_text(*changed));
        return {};
    }
};

struct DeleteVm {
    std::string vm;
    bool yes = false;

    Result<void, Failure> run(Session& session) const {
        // Whoever mistypes the name shall learn it before the question.
        const Document summary = HVIS_TRY(session.api.get(Target::vm(vm)));
        const std::string name = text_at(*summary, "name");
        if (!yes) {
            HVIS_CHECK(confirm(session, {.deed = "deleting " + name,
                                         .question = "Delete " + name + ", its pairs and its logs?",
                                         .declined = name + " is not deleted"}));
        }
        auto answer = session.api.remove(Target::vm(vm));
        if (!answer && answer.error().code == ErrorCode::kUnavailable) {
            // It runs: that is a refusal, not a service or guest that is away.
            answer.error().code = ErrorCode::kFailed;
        }
        const Document deleted = HVIS_TRY(std::move(answer));
        session.print(*deleted, name + " is deleted\n");
        return {};
    }
};

struct ExportVm {
    std::string vm;
    std::string directory;

    Result<void, Failure> run(Session& session) const {
        const Document operation =
            HVIS_TRY(session.api.send("POST", Target::vm(vm) / "export", {{"path", directory}}));
        const Document finished = HVIS_TRY(finish_operation(session, operation));
        session.print(*finished, vm + " is exported to " + directory + "\n");
        return {};
    }
};

struct ImportVm {
    std::string directory;
    std::string name;
    bool new_id = false;

    Result<void, Failure> run(Session& session) const {
        Json body = {{"path", directory}};
        if (!name.empty()) {
            body["name"] = name;
        }
        if (new_id) {
            body["new_id"] = true;
        }
        const Document operation = HVIS_TRY(session.api.send("POST", Target("/vms/import"), body));
        const Document finished = HVIS_TRY(finish_operation(session, operation));
        session.print(*finished, text_at(control::member_of(*finished, "result"), "name") +
                                     " is imported from " + directory + "\n");
        return {};
    }
};

void add_create(CLI::App& vm, Chosen& chosen) {
    CLI::App& create = add_verb(vm, "create", "Define a VM",
                                "vm create web --kernel /boot/vmlinuz --initrd /boot/initrd.img "
                                "--append console=ttyS0 --memory 512M --cpus 2 --autostart");
    const auto verb = choose<CreateVm>(create, chosen);
    add_argument(create, "NEW", verb->vm, "name of the VM");
    verb->fields.add_to(create, chosen);
    add_choice(create, "--partition", verb->partition, kPartitions,
               "a virtual machine (kvm), or a process for trials without KVM");
    add_choices(create, "--disable", verb->disabled, control::kServiceWords,
                "a service that the guest is not to be offered; may be given again");
    add_flag(create, "--start", verb->start, "and start it");
}

void add_transfer(CLI::App& vm, Chosen& chosen) {
    CLI::App& save = add_verb(vm, "export", "Write a VM with its files and pairs into a new folder",
                              "vm export web /srv/backup/web");
    const auto export_verb = choose<ExportVm>(save, chosen);
    add_vm(save, export_verb->vm);
    add_host_path(save, chosen, type_name::kDirectory, export_verb->directory,
                  "folder, which must not exist yet", Need::kRequired);
    CLI::App& load = add_verb(vm, "import", "Take in a VM that was exported",
                              "vm import /srv/backup/web --name web2 --new-id");
    const auto import_verb = choose<ImportVm>(load, chosen);
    add_host_path(load, chosen, type_name::kDirectory, import_verb->directory,
                  "folder that vm export wrote", Need::kRequired);
    add_text(load, "--name", import_verb->name, "under this name, not the one that it had", "NEW");
    add_flag(load, "--new-id", import_verb->new_id, "with an id of its own: a copy beside the VM");
}

}  // namespace

void add_vm_edit_verbs(CLI::App& vm, Chosen& chosen) {
    add_create(vm, chosen);
    CLI::App& set = add_verb(vm, "set", "Change how a VM is defined",
                             "vm set web --memory 1G --restart always --restart-delay 5s");
    const auto set_verb = choose<SetVm>(set, chosen);
    add_vm(set, set_verb->vm);
    add_text(set, "--name", set_verb->name, "give it another name", "NEW");
    set_verb->fields.add_to(set, chosen);
    CLI::App& remove = add_verb(vm, "delete", "Forget a VM that is stopped", "vm delete web --yes");
    const auto remove_verb = choose<DeleteVm>(remove, chosen);
    add_vm(remove, remove_verb->vm);
    add_flag(remove, "--yes,-y", remove_verb->yes, "do not ask");
    add_transfer(vm, chosen);
}

}  // namespace hvis::cli
