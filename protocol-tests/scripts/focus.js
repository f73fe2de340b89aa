// What has the focus: a name for it, and whether that can be seen.
(() => {
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const style = getComputedStyle(it);
    const box = it.getBoundingClientRect();
    const seen = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight
        && (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== 'none');
    const name = it.getAttribute('aria-label') ?? (it.innerText || it.name || it.id || it.tagName);
    return { name: name.trim().replace(/\s+/g, ' '), seen };
})()
