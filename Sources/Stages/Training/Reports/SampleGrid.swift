import CheckpointFormat

/// Texts that models wrote for the same prompts, side by side, as a piece of a page.
///
/// There is a row for each prompt, and in it a card for each column. Cards wrap where the page is too
/// narrow for all of them, so that nothing has to be scrolled.
package struct SampleGrid {
  /// The texts of one model, or of a model after one step.
  package struct Column {
    let title: String
    let texts: [TrainerState.Samples.Text]

    package init(title: String, texts: [TrainerState.Samples.Text]) {
      (self.title, self.texts) = (title, texts)
    }
  }

  private let columns: [Column]

  package init(_ columns: [Column]) { self.columns = columns }

  /// A heading and the cards for each prompt of the first column.
  package var html: String {
    (columns.first?.texts ?? []).enumerated().map { index, first in
      let cards = columns.filter { index < $0.texts.count }.map { column in
        """
        <figure><figcaption>\(HTMLPage.escaped(column.title))</figcaption>
        <pre lang="ru">\(HTMLPage.escaped(column.texts[index].text))</pre></figure>

        """
      }
      let heading =
        first.prompt.isEmpty
        ? "<h3>without a prompt</h3>" : "<h3 lang=\"ru\">\(HTMLPage.escaped(first.prompt)) …</h3>"
      return "\(heading)\n<div class=\"cards\">\n\(cards.joined())</div>\n"
    }.joined()
  }
}
