-- What a customer pays for a product on a day, for functions that must know it after a lock: the price agreed with the
-- customer, else the list price. NULL: the product has none on that day. with_price (customers/queries.py) says the
-- same for sets; a test compares the two.
CREATE FUNCTION price_of(p_customer uuid, p_product uuid, p_day date, OUT price numeric, OUT price_source text)
LANGUAGE sql STABLE
RETURN (SELECT ROW (coalesce(agreed.price, listed.price),
        CASE WHEN agreed.price = 0 THEN 'free' WHEN agreed.price IS NOT NULL THEN 'customer'
            WHEN listed.price IS NOT NULL THEN 'product' END)
    FROM (SELECT 1) one
    LEFT JOIN customer_prices agreed ON agreed.customer_id = p_customer AND agreed.product_id = p_product
        AND agreed.valid @> p_day
    LEFT JOIN product_prices listed ON listed.product_id = p_product AND listed.valid @> p_day);
