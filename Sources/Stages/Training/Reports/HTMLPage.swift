/// What the pages about runs have in common: each is one file, which needs no network and no script.
struct HTMLPage {
  /// The title and what else belongs into the head and the body, as HTML.
  let title: String
  var head = ""
  var style = ""
  let body: String

  /// The whole page.
  var text: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    \(head)<title>\(title)</title>
    <style>
    \(Self.style)\(style)</style>
    </head>
    <body>
    <main>
    \(body)</main>
    </body>
    </html>

    """
  }

  /// A table with a heading.
  static func section(_ title: String, _ rows: [String]) -> String {
    "<h2>\(title)</h2>\n<div class=\"table\"><table>\n\(rows.joined())</table></div>\n"
  }

  /// `text` as text of the page; nothing in it is taken for an element.
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// The style of the page: light or dark as the reader prefers, and for paper.
  private static let style = """
    :root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --quiet: #5c6670; --grid: #d8dde2;
      --panel: #f4f6f8; --training: #1f6fb2; --smoothed: #0b3d68; --validation: #c62828; --best: #1b7f3b; }
    @media (prefers-color-scheme: dark) { :root { --ground: #14171a; --ink: #e6e9ec; --quiet: #9aa5b1;
      --grid: #343b42; --panel: #1e2327; --training: #4f9fe0; --smoothed: #b8dcff; --validation: #ff7d74;
      --best: #5fd08a; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink);
      font: 16px/1.45 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; }
    main { max-width: 68rem; margin: 0 auto; padding: 1.25rem; }
    h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
    h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
    h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; overflow-wrap: anywhere; }
    p { margin: .25rem 0 .75rem; }
    .quiet { color: var(--quiet); }
    .bar { height: .5rem; border-radius: .25rem; background: var(--grid); overflow: hidden; }
    .bar div { height: 100%; background: var(--training); }
    .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .6rem;
      margin: 1rem 0 0; }
    .figures div { background: var(--panel); border-radius: .4rem; padding: .5rem .75rem; }
    .figures dt { color: var(--quiet); font-size: .85rem; }
    .figures dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
    svg { display: block; width: 100%; height: auto; }
    .table { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    td, th { padding: .2rem .75rem .2rem 0; text-align: left; vertical-align: top; font-weight: normal;
      overflow-wrap: anywhere; }
    th { color: var(--quiet); min-width: 6rem; }
    td { min-width: 9rem; }
    td.number { min-width: 0; text-align: right; overflow-wrap: normal; white-space: nowrap; }
    table:has(.share) { width: min(100%, 36rem); }
    table:has(.share) th { white-space: nowrap; }
    td.share { width: 70%; padding-right: 0; vertical-align: middle; }
    td.share div { height: .8rem; background: var(--training); border-radius: .1rem; }
    pre { background: var(--panel); border-radius: .4rem; padding: .75rem; margin: .5rem 0;
      white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem; }
    .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: .6rem; }
    figure { margin: 0; min-width: 0; }
    figcaption { color: var(--quiet); font-size: .85rem; }
    figure pre { margin-top: .15rem; }
    @media print { :root { color-scheme: light; --ground: #fff; --ink: #000; --quiet: #444; --grid: #bbb;
      --panel: #f4f4f4; --training: #1f6fb2; --smoothed: #0b3d68; --validation: #c62828; --best: #1b7f3b; }
      .charts { grid-template-columns: 1fr 1fr; } .charts .table { grid-column: 1 / -1; }
      main { max-width: none; padding: 0; } .figures div, svg, pre, figure, tr { break-inside: avoid; }
      h2, h3 { break-after: avoid; } .bar, .share div { print-color-adjust: exact; } }

    """
}
