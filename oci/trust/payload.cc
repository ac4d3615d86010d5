#include "oci/trust/payload.h"

#include "oci/image/manifest.h"
#include "oci/registry/base64.h"
#include "oci/trust/strict_json.h"

namespace hoy::oci {
namespace {

SignedClaim ReadCritical(const Json& value, std::string_view type) {
  StrictObject critical(value, "'critical'");
  if (std::string got = critical.RequiredText("type"); got != type) {
    throw MalformedJson{fmt::format("its type is '{}'", got)};
  }
  SignedClaim claim;
  StrictObject image(critical.Required("image"), "'image'");
  auto digest = Digest::Parse(image.RequiredText("docker-manifest-digest"));
  if (!digest) throw MalformedJson{digest.error().message};
  claim.manifest = *std::move(digest);
  image.ExpectNoOther();
  StrictObject identity(critical.Required("identity"), "'identity'");
  claim.reference = identity.RequiredText("docker-reference");
  identity.ExpectNoOther();
  critical.ExpectNoOther();
  return claim;
}

// Members that nobody knows are fine here, but what is known has to make sense.
void CheckOptional(const Json& value) {
  if (!value.is_object()) throw MalformedJson{"'optional' is not an object"};
  if (auto creator = value.find("creator"); creator != value.end()) {
    StrictText(*creator, "'creator'");
  }
  if (auto time = value.find("timestamp"); time != value.end()) {
    double number = time->is_number() ? time->get<double>() : 0.5;
    bool whole = number > -9e18 && number < 9e18 &&
                 static_cast<double>(static_cast<int64_t>(number)) == number;
    if (!whole) throw MalformedJson{"'timestamp' is not a whole number"};
  }
}

SignedClaim ReadPayload(const Json& document, std::string_view type, bool null_is_empty) {
  StrictObject top(document, "it");
  SignedClaim claim = ReadCritical(top.Required("critical"), type);
  const Json& optional = top.Required("optional");
  if (!(null_is_empty && optional.is_null())) CheckOptional(optional);
  top.ExpectNoOther();
  return claim;
}

}  // namespace

Result<SignedClaim> ParseSimplePayload(std::string_view bytes) {
  return DecodeStrictJson<SignedClaim>(
      bytes, "signed text", kMaxSignatureBytes, [](const Json& document) -> Result<SignedClaim> {
        return ReadPayload(document, "atomic container signature", /*null_is_empty=*/false);
      });
}

Result<SignedClaim> ParseSigstorePayload(std::string_view bytes) {
  return DecodeStrictJson<SignedClaim>(
      bytes, "signed text", kMaxSignatureBytes, [](const Json& document) -> Result<SignedClaim> {
        return ReadPayload(document, "cosign container image signature", /*null_is_empty=*/true);
      });
}

Result<std::vector<SigstoreAttachment>> ParseAttachments(std::string_view manifest) {
  using Attachments = std::vector<SigstoreAttachment>;
  return DecodeJson<Attachments>(manifest, "signature attachments", kMaxDocumentBytes,
                                 [](const Json& document) -> Result<Attachments> {
                                   Attachments attachments;
                                   const Json* layers = FindMember(document, "layers");
                                   if (layers == nullptr) return attachments;
                                   if (!layers->is_array())
                                     throw MalformedJson{"'layers' is not an array"};
                                   for (const Json& layer : *layers) {
                                     if (!layer.is_object())
                                       throw MalformedJson{"a layer is not an object"};
                                     if (StringAt(layer, "mediaType") != kSigstorePayloadType)
                                       continue;
                                     auto annotations = StringMapAt(layer, "annotations");
                                     auto signature = annotations.find(kSigstoreAnnotation);
                                     if (signature == annotations.end()) continue;
                                     attachments.push_back({.payload = DigestAt(layer, "digest"),
                                                            .size = IntegerAt(layer, "size"),
                                                            .signature = signature->second});
                                     if (attachments.size() > kMaxSignatures)
                                       throw MalformedJson{"too many signatures"};
                                   }
                                   return attachments;
                                 });
}

Result<UntrustedSignature> ParseSignatureFile(std::string_view bytes) {
  constexpr std::string_view kSigstore{"\0sigstore-json\n", 15};
  if (!bytes.starts_with(kSigstore)) {
    if (bytes.starts_with('\0')) {
      return Fail(ErrorKind::kCorrupt, "a signature is of an unknown kind");
    }
    return UntrustedSignature{.bytes = std::string(bytes)};
  }
  return DecodeJson<UntrustedSignature>(
      bytes.substr(kSigstore.size()), "signature", kMaxSignatureBytes,
      [](const Json& document) -> Result<UntrustedSignature> {
        UntrustedSignature signature{.kind = UntrustedSignature::Kind::kSigstore};
        if (StringAt(document, "mimeType") != kSigstorePayloadType) {
          throw MalformedJson{"it is an attachment of another kind"};
        }
        auto payload = Base64Decode(StringAt(document, "payload"));
        if (!payload) throw MalformedJson{"its payload is not base64"};
        signature.bytes = *std::move(payload);
        auto annotations = StringMapAt(document, "annotations");
        signature.signature = annotations[kSigstoreAnnotation];
        return signature;
      });
}

}  // namespace hoy::oci
