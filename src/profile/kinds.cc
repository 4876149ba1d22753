// SPDX-License-Identifier: Apache-2.0
//
// The words for kinds of gaps and evidence, as they stand in files and on the terminal.
#include <stile/profile.h>

namespace stile {
namespace {

template <typename Kind>
struct Word {
  Kind kind;
  std::string_view text;
};

constexpr Word<GapKind> kGaps[] = {
    {GapKind::UnknownNumber, "unknown-number"},         {GapKind::EscapedWrapper, "escaped-wrapper"},
    {GapKind::ExecInherits, "exec-inherits"},           {GapKind::DynamicLoading, "dynamic-loading"},
    {GapKind::UnanalysedLibrary, "unanalysed-library"}, {GapKind::SelfModifying, "self-modifying"},
    {GapKind::GeneratedCode, "generated-code"},
    {GapKind::UnnamedNumber, "unnamed-number"},         {GapKind::LimitedWork, "limited-work"},
};

constexpr Word<EvidenceKind> kEvidence[] = {
    {EvidenceKind::CallPath, "call-path"},
    {EvidenceKind::Kernel, "kernel"},
    {EvidenceKind::ContainerRuntime, "container-runtime"},
    {EvidenceKind::Observed, "observed"},
    {EvidenceKind::Human, "human"},
};

template <typename Kind, size_t N>
std::string_view text_of(const Word<Kind> (&words)[N], Kind kind) {
  for (const auto& word : words) {
    if (word.kind == kind) return word.text;
  }
  return "?";
}

template <typename Kind, size_t N>
std::optional<Kind> kind_of(const Word<Kind> (&words)[N], std::string_view text) {
  for (const auto& word : words) {
    if (word.text == text) return word.kind;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(GapKind kind) {
  return text_of(kGaps, kind);
}
std::optional<GapKind> gap_kind_from(std::string_view text) {
  return kind_of(kGaps, text);
}
std::string_view to_string(EvidenceKind kind) {
  return text_of(kEvidence, kind);
}
std::optional<EvidenceKind> evidence_kind_from(std::string_view text) {
  return kind_of(kEvidence, text);
}

}  // namespace stile
