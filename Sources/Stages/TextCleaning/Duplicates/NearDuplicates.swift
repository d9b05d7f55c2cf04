/// Posts whose text another one nearly has: reposts with a word changed.
///
/// The similarity of two texts is that of Jaccard: the share of the shingles of both together that
/// both have. Posts are gone through in the order of preference; one is dropped if a post that was
/// kept before it is similar enough. So there is a kept post for each that goes, and no chain of
/// small changes takes away what is like nothing that is left.
public enum NearDuplicates {
  public static let declaration = RuleDeclaration(
    "near-duplicates", isOn: false,
    "of posts that differ by a word only one is kept, so that none counts twice",
    settings: [
      .share(
        "similarity", 0.8, in: 0.3...1,
        "share of common shingles (Jaccard) from which two posts are nearly equal"),
      .count("shingle", 5, in: 1...100, "characters of a shingle"),
      .word(
        "keep", "views", of: ["views", "earliest"],
        "which post is kept: with the most views, and of these the earliest; or the earliest"),
    ], scope: .nearDuplicates)
}
