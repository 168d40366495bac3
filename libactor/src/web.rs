//! actix-web, for the routes given to [`Node::serve`](crate::Node::serve): the crate's root and its `web` module in one.

pub use actix_web::web::{
    Bytes, BytesMut, Data, Form, FormConfig, Json, JsonConfig, Path, Payload, PayloadConfig, Query, Redirect,
    ReqData, ServiceConfig, block, delete, get, head, method, patch, post, put, redirect, resource, route,
    scope, to,
};
pub use actix_web::*;
