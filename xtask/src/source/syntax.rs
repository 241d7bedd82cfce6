//! Small questions to the syntax of Rust: what an item is called, and whether only tests have it.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprLit, Ident, ImplItem, Item, Lit, Meta, MetaList, Stmt, punctuated::Punctuated, token::Comma,
};

/// The attributes of an item and the name that it defines. A module and a macro define theirs in their own ways.
pub(crate) fn head(item: &Item) -> (&[Attribute], Option<&Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::ExternCrate(item) => (&item.attrs, None),
        Item::ForeignMod(item) => (&item.attrs, None),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, None),
        Item::Mod(item) => (&item.attrs, None),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Whether only tests are compiled with this.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<Meta>().is_ok_and(|condition| wants_test(&condition))
    })
}

/// As [`is_test`], of a member of an `impl`.
pub(crate) fn is_test_member(item: &ImplItem) -> bool {
    match item {
        ImplItem::Const(item) => is_test(&item.attrs),
        ImplItem::Fn(item) => is_test(&item.attrs),
        ImplItem::Type(item) => is_test(&item.attrs),
        _ => false,
    }
}

/// As [`is_test`], of a statement.
pub(crate) fn is_test_statement(statement: &Stmt) -> bool {
    match statement {
        Stmt::Local(statement) => is_test(&statement.attrs),
        Stmt::Macro(statement) => is_test(&statement.attrs),
        Stmt::Expr(Expr::Block(block), _) => is_test(&block.attrs),
        Stmt::Expr(Expr::Call(call), _) => is_test(&call.attrs),
        Stmt::Expr(Expr::If(choice), _) => is_test(&choice.attrs),
        Stmt::Expr(Expr::MethodCall(call), _) => is_test(&call.attrs),
        _ => false,
    }
}

/// `test`, or `all(...)` with it: what is never true outside of tests.
fn wants_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => {
            let parts = list.parse_args_with(Punctuated::<Meta, Comma>::parse_terminated);
            parts.is_ok_and(|parts| parts.iter().any(wants_test))
        }
        _ => false,
    }
}

/// The file that `#[path = "..."]` names.
pub(crate) fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

/// The tokens of an attribute. Texts that are paths, as serde wants them, count as the paths that they are.
pub(crate) fn attribute_tokens(list: &MetaList) -> TokenStream {
    let mut tokens = TokenStream::new();
    for token in list.tokens.clone() {
        let text = match &token {
            TokenTree::Literal(_) => syn::parse2::<syn::LitStr>(token.clone().into()).ok(),
            _ => None,
        };
        match text.and_then(|text| text.parse::<syn::Path>().ok().map(|_| text.parse::<TokenStream>())) {
            Some(Ok(path)) => tokens.extend(path),
            _ => tokens.extend([token]),
        }
    }
    tokens
}
