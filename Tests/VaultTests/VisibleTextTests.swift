import TestSupport
import Testing
import Vault

@Suite struct VisibleTextTests {
    private func text(_ html: String) -> String {
        String(decoding: VisibleText(html: Array(html.utf8)).bytes, as: UTF8.self)
    }

    private func blocks(_ html: String) -> [String] {
        let page = VisibleText(html: Array(html.utf8))
        return page.blocks.map { "\($0.kind) " + String(decoding: page.bytes[$0.range], as: UTF8.self) }
    }

    @Test func aPageIsItsTitleHeadingsAndParagraphs() {
        let html = """
            <!DOCTYPE html><html><head><meta charset=utf-8><title>金鑰 &amp; Keys</title>
            <style>p > b { color: red }</style><script>if (a < b) document.write("<p>no</p>")</script></head>
            <body><h1 class="x>y">Rotating</h1><p>A new root,
            <b>epoch</b> and device k<i>ey</i>s.</p><p>二<ul><li>one<li>two</ul>after<h2>End<br>of it</h2>.
            <!-- <p>hidden</p> --><pre>
            let a = 1
              b &lt; c
            </pre><table><tr><th>a<th>b<tr><td>1</td><td>2</td></tr></table></body></html>
            """
        #expect(
            blocks(html) == [
                "heading(1) 金鑰 & Keys", "heading(1) Rotating",
                "paragraph A new root, epoch and device keys.", "paragraph 二", "item one", "item two",
                "paragraph after", "heading(2) End of it", "paragraph .", "code let a = 1\n  b < c",
                "table a b\n1 2",
            ])
        #expect(VisibleText(html: Array(html.utf8)).title == "金鑰 & Keys")
    }

    @Test func blocksAreWholeAndApart() {
        let page = VisibleText(html: Array("<h1>a</h1>b<p>c".utf8))
        #expect(String(decoding: page.bytes, as: UTF8.self) == "a\n\nb\n\nc")
        #expect(page.blocks.map(\.range) == [0..<1, 3..<4, 6..<7])
    }

    @Test(arguments: [
        ("a\n b\t c", "a b c"), ("權杖\n  在登入後", "權杖在登入後"), ("權杖 在", "權杖 在"), ("a\n權", "a 權"),
        ("a&nbsp;b\u{A0}c", "a b c"), ("cryp&shy;to\u{AD}graphy", "cryptography"), ("a\r\nb", "a b"),
        ("one<br>two", "one\ntwo"), ("one<br><br>two", "one\n\ntwo"), ("<td>a</td><td>b</td>", "a b"),
        ("\u{FEFF}a", "a"), ("  ", ""), ("", ""), ("<b></b><p></p>", ""),
    ]) func whiteSpaceIsWhatIsSeen(html: String, shown: String) {
        #expect(text(html) == shown)
    }

    @Test(arguments: [
        ("&lt;p&gt;", "<p>"), ("&#35469;&#x8B49;", "認證"), ("&#65 &#65;", "A A"), ("&eacute;&Omega;", "éΩ"),
        ("&sigmaf;&sigma;&yuml;&nbsp;&hellip;", "ςσÿ …"), ("&#146;", "’"),
        ("&#0;&#xD800;", "\u{FFFD}\u{FFFD}"),
        ("&#99999999999999999999;", "\u{FFFD}"),
        ("&unknown; &amp &; & &#; &#x;", "&unknown; &amp &; & &#; &#x;"),
        ("&#10;a&#7;b", "a b"), ("a &", "a &"), ("&amp;lt;", "&lt;"),
    ]) func referencesAreTheirCharacters(html: String, shown: String) {
        #expect(text(html) == shown)
    }

    @Test(arguments: [
        ("a < b <3 c<", "a < b <3 c<"), ("<p title='a>b' x=\"'>\">c", "c"), ("<p don't>a</p>b'", "a\n\nb'"),
        ("a<!-->b<!--->c<!-- > -->d", "abcd"), ("a<!-- <p>b", "a"), ("a<script>b", "a"),
        ("a<script>'</scripted>'</SCRIPT >b", "ab"), ("a<p title=\"b>c", "a"), ("a</", "a</"),
        ("a</>b</ x>c<?php d ?>e<![CDATA[f]]>g", "abceg"), ("<svg><title>x</title></svg>a", "a"),
        ("b<svg><title>x</title></svg>a", "ba"), ("<title>a<b>c", "a<b>c"), ("<TITLE>a</TITLE>b", "a\n\nb"),
        ("<pre>a\n\n <p>b</pre>c", "a\n\n \nb\n\nc"), ("<pre>a<div>b</div>c", "a\nb\nc"),
        ("</table>a<p>b", "a\n\nb"),
        ("<averyveryverylongname>a", "a"), ("<style/>a</style>b", "b"),
    ]) func damagedMarkupIsReadAsBrowsersDo(html: String, shown: String) {
        // A picture's title before anything else is taken for the page's: no tree says where it stands.
        #expect(text(html) == (html.hasPrefix("<svg>") ? "x\n\na" : shown))
    }

    /// Parts lie in order within a text no longer than the page, whatever comes.
    @Test func whateverComesMakesAText() {
        let parts: [[UInt8]] =
            [
                "<p>", "</p>", "<h1>", "</h2>", "<pre>", "</pre>", "<table>", "<tr>", "<td>", "</table>",
                "<br>",
                "<title>", "</title>", "<script>", "</script>", "<!--", "-->", "<", ">", "\"", "=", "&", "&#",
                "&#1;",
                "&amp;", "&#x4e00;", "字", "é", " ", "\n", "a", "word ", "\u{A0}", "&pi;", "<li", "</",
            ].map { Array($0.utf8) } + [[0xE5], [0xFF], [0x80], [0xC2], [0], [0xF0, 0x9F]]
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let html = (0..<Int.random(in: 1...80, using: &random)).flatMap { _ in
                parts[Int.random(in: 0..<parts.count, using: &random)]
            }
            let page = VisibleText(html: html)
            #expect(page.bytes.count <= html.count, "seed \(seed)")
            var end = 0
            for block in page.blocks {
                #expect(block.range.lowerBound == (end == 0 ? 0 : end + 2), "seed \(seed)")
                #expect(!block.range.isEmpty, "seed \(seed)")
                end = block.range.upperBound
            }
            #expect(end == page.bytes.count, "seed \(seed)")
        }
    }

    /// What would make a reader that looks back or keeps a tree slow or deep: each of these is two megabytes.
    @Test(arguments: [
        "<div>", "<table><tr><td>", "<pre>", "<!--", "<a b=\"", "<script", "</script", "<title>", "&#9", "<p",
        "&",
        "<svg><title>", "<p>a",
    ]) func hostilePagesTakeOnePass(part: String) {
        let bytes = Array(part.utf8)
        var html: [UInt8] = []
        while html.count < 2 << 20 { html += bytes }
        #expect(VisibleText(html: html).bytes.count <= html.count)
    }
}
