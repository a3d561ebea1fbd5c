// The pair viewer as a widget of its own. The explorer shows the same view in itself.
export default toolOf(Viewer);
