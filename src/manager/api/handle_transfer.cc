#include <filesystem>

#include <nlohmann/json.hpp>

#include "manager/api/absolute_path.h"
#include "manager/api/handlers.h"
#include "manager/api/images.h"
#include "manager/api/transfer.h"
#include "manager/random_guid.h"

namespace hvis::manager {
namespace {

using control::Json;

/// Reports of a copy, on their way to the operation.
Progress progress_of(Background& background, const std::shared_ptr<Operations::Work>& work) {
    return [&background, work](double fraction, const std::string& step) {
        background.to_manager([work, fraction, step] { work->progress(fraction, step); });
    };
}

/// Runs the copy; its operation can be cancelled.
void run_copy(ApiContext& context, const std::shared_ptr<Operations::Work>& work,
              Background::Job job, std::function<void()> done) {
    const auto cancelled = context.background.run(std::move(job), std::move(done));
    if (cancelled == nullptr) {
        work->failed(control::make_failure(control::ErrorCode::kUnavailable,
                                           "too much is being copied already", "try again later"));
        return;
    }
    work->on_cancel([cancelled] { cancelled->store(true); });
}

/// The definition under the name and id that the administrator wants for it.
Result<VmDefinition, Failure> renamed(const VmDefinition& definition,
                                      const std::optional<std::string>& name,
                                      const std::optional<Guid>& id) {
    Json value = to_json(definition);
    if (name) {
        value["name"] = *name;
    }
    if (id) {
        value["id"] = id->to_string();
    }
    auto parsed = parse_definition(value);
    if (!parsed) {
        return std::unexpected(control::usage_failure(parsed.error()));
    }
    return *std::move(parsed);
}

/// The end of an import, on the manager thread again.
void finish_import(ApiContext& context, const std::shared_ptr<Operations::Work>& work,
                   Result<TransferredVm, Failure>& imported, const std::string& files,
                   const std::optional<std::string>& name, const std::optional<Guid>& id) {
    if (!imported) {
        end_operation(*work, std::unexpected(imported.error()));
        return;
    }
    auto definition = renamed(imported->definition, name, id);
    auto defined = definition ? context.supervisor.define(*definition, std::move(imported->pairs))
                              : Result<void, Failure>(std::unexpected(definition.error()));
    if (!defined) {
        std::error_code ignored;
        std::filesystem::remove_all(files, ignored);
        work->failed(defined.error());
        return;
    }
    remove_mark(files);
    work->done(std::make_shared<const Json>(
        Json{{"vm", definition->id.to_string()}, {"name", definition->name}}));
}

}  // namespace

void export_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    control::FieldReader reader(*request.body);
    const std::string path = read_path(reader, "path");
    if (const auto finished = reader.finish(); !finished) {
        responder.fail(control::usage_failure(finished.error()));
        return;
    }
    auto pairs = context.store.load_pairs(*vm);
    if (!pairs) {
        responder.fail(pairs.error());
        return;
    }
    const auto work = begin_operation(context, request, responder, "vm.export", *vm);
    if (work == nullptr) {
        return;
    }
    const TransferredVm transferred{.definition = context.supervisor.summary(*vm)->definition,
                                    .pairs = *std::move(pairs)};
    const auto result = std::make_shared<Result<void, Failure>>();
    run_copy(
        context, work,
        [path, transferred, result,
         progress = progress_of(context.background, work)](const std::atomic<bool>& cancelled) {
            *result = export_to(path, transferred, progress, cancelled);
        },
        [work, result] { end_operation(*work, *result); });
    answer_accepted(context, responder, work->id());
}

void import_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    control::FieldReader reader(*request.body);
    const std::string path = read_path(reader, "path");
    const auto name = reader.text("name", kMaxVmName);
    const bool new_id = reader.boolean("new_id").value_or(false);
    if (const auto finished = reader.finish(); !finished) {
        responder.fail(control::usage_failure(finished.error()));
        return;
    }
    const auto folder = random_guid();
    if (!folder) {
        responder.fail(folder.error());
        return;
    }
    const auto work = begin_operation(context, request, responder, "vm.import", std::nullopt);
    if (work == nullptr) {
        return;
    }
    const std::string images = images_of(context).directory();
    const std::string files = images + "/" + folder->to_string();
    using Imported = Result<TransferredVm, Failure>;
    const auto result = std::make_shared<Imported>();
    run_copy(
        context, work,
        [path, images, files, result,
         progress = progress_of(context.background, work)](const std::atomic<bool>& cancelled) {
            std::error_code ignored;  // import_from says why when it cannot use the directory
            std::filesystem::create_directories(images, ignored);
            *result = import_from(path, files, progress, cancelled);
        },
        [&context, work, result, files, name, new_id, folder = *folder] {
            finish_import(context, work, *result, files, name,
                          new_id ? std::optional(folder) : std::nullopt);
        });
    answer_accepted(context, responder, work->id());
}

}  // namespace hvis::manager
