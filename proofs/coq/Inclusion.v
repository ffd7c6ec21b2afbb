(** Theorem 1 of proofs/inclusion.md: operations on intervals and balls, with roundings that err
    outward, contain every exact result; and a run that takes its decisions through such operations
    only is enclosed as a whole.

    Relied on by `Interval`, `Ball` (include/numgeom/arithmetic) and `train` in an enclosing
    arithmetic. That the directed roundings of doubles err outward is a theorem of its own. *)

From Coq Require Import Reals Lra Lia List.
From NumGeom Require Import Sums.
Local Open Scope R_scope.

(** ** Intervals *)

Record interval := Interval { lo : R; hi : R }.

Definition inside (x : R) (i : interval) : Prop := lo i <= x <= hi i.

Section Intervals.
Variables down up : R -> R.
Hypothesis down_below : forall x, down x <= x.
Hypothesis up_above : forall x, x <= up x.

Definition interval_add (a b : interval) := Interval (down (lo a + lo b)) (up (hi a + hi b)).
Definition interval_subtract (a b : interval) := Interval (down (lo a - hi b)) (up (hi a - lo b)).

(** The least and the greatest of the four products of ends. *)
Definition interval_multiply (a b : interval) :=
  Interval
    (Rmin (Rmin (down (lo a * lo b)) (down (lo a * hi b)))
          (Rmin (down (hi a * lo b)) (down (hi a * hi b))))
    (Rmax (Rmax (up (lo a * lo b)) (up (lo a * hi b)))
          (Rmax (up (hi a * lo b)) (up (hi a * hi b)))).

Definition interval_divide (a b : interval) :=
  Interval
    (Rmin (Rmin (down (lo a / lo b)) (down (lo a / hi b)))
          (Rmin (down (hi a / lo b)) (down (hi a / hi b))))
    (Rmax (Rmax (up (lo a / lo b)) (up (lo a / hi b)))
          (Rmax (up (hi a / lo b)) (up (hi a / hi b)))).

Theorem interval_add_encloses a b x y :
  inside x a -> inside y b -> inside (x + y) (interval_add a b).
Proof.
  unfold inside. simpl. intros Hx Hy.
  pose proof (down_below (lo a + lo b)). pose proof (up_above (hi a + hi b)). lra.
Qed.

Theorem interval_subtract_encloses a b x y :
  inside x a -> inside y b -> inside (x - y) (interval_subtract a b).
Proof.
  unfold inside. simpl. intros Hx Hy.
  pose proof (down_below (lo a - hi b)). pose proof (up_above (hi a - lo b)). lra.
Qed.

(** A product is affine in each factor, so it lies between products of ends. *)
Lemma product_between_ends a b c d x y :
  a <= x <= b -> c <= y <= d ->
  Rmin (Rmin (a * c) (a * d)) (Rmin (b * c) (b * d)) <= x * y <=
  Rmax (Rmax (a * c) (a * d)) (Rmax (b * c) (b * d)).
Proof.
  intros Hx Hy.
  assert (H1 : Rmin (x * c) (x * d) <= x * y <= Rmax (x * c) (x * d)).
  { unfold Rmin, Rmax. destruct Rle_dec; destruct (Rle_lt_dec 0 x); nra. }
  assert (H2 : Rmin (a * c) (b * c) <= x * c <= Rmax (a * c) (b * c)).
  { unfold Rmin, Rmax. destruct Rle_dec; destruct (Rle_lt_dec 0 c); nra. }
  assert (H3 : Rmin (a * d) (b * d) <= x * d <= Rmax (a * d) (b * d)).
  { unfold Rmin, Rmax. destruct Rle_dec; destruct (Rle_lt_dec 0 d); nra. }
  revert H1 H2 H3. generalize (x * y) (x * c) (x * d) (a * c) (b * c) (a * d) (b * d).
  intros p q r s t u v. unfold Rmin, Rmax. repeat destruct Rle_dec; lra.
Qed.

Lemma four_ends (ll lh hl hh z : R) :
  Rmin (Rmin ll lh) (Rmin hl hh) <= z <= Rmax (Rmax ll lh) (Rmax hl hh) ->
  inside z (Interval (Rmin (Rmin (down ll) (down lh)) (Rmin (down hl) (down hh)))
                     (Rmax (Rmax (up ll) (up lh)) (Rmax (up hl) (up hh)))).
Proof.
  intros [Hl Hu]. split; simpl.
  - eapply Rle_trans; [|exact Hl].
    repeat apply Rmin_glb; eapply Rle_trans; try apply down_below; unfold Rmin;
      repeat destruct Rle_dec; pose proof (down_below ll); pose proof (down_below lh);
      pose proof (down_below hl); pose proof (down_below hh); lra.
  - eapply Rle_trans; [exact Hu|].
    repeat apply Rmax_lub; eapply Rle_trans; try apply up_above; unfold Rmax;
      repeat destruct Rle_dec; pose proof (up_above ll); pose proof (up_above lh);
      pose proof (up_above hl); pose proof (up_above hh); lra.
Qed.

Theorem interval_multiply_encloses a b x y :
  inside x a -> inside y b -> inside (x * y) (interval_multiply a b).
Proof. intros Hx Hy. apply four_ends. now apply product_between_ends. Qed.

(** 1/y lies between the inverses of the ends if zero is outside. *)
Theorem interval_divide_encloses a b x y :
  inside x a -> inside y b -> 0 < lo b \/ hi b < 0 -> inside (x / y) (interval_divide a b).
Proof.
  intros Hx Hy H0. apply four_ends. unfold inside in *.
  assert (Hinv : / hi b <= / y <= / lo b).
  { destruct H0 as [H0|H0].
    - split; apply Rinv_le_contravar; lra.
    - assert (Hn : forall u v, u < 0 -> v < 0 -> u <= v -> / v <= / u).
      { intros u v Hu Hv Huv. apply Ropp_le_cancel.
        rewrite <- (Rinv_opp u), <- (Rinv_opp v). apply Rinv_le_contravar; lra. }
      split; apply Hn; lra. }
  unfold Rdiv.
  pose proof (product_between_ends _ _ _ _ _ _ Hx Hinv) as H.
  rewrite (Rmin_comm (lo a * / hi b)), (Rmin_comm (hi a * / hi b)),
    (Rmax_comm (lo a * / hi b)), (Rmax_comm (hi a * / hi b)) in H. exact H.
Qed.

(** Monotone functions take their range from the ends. *)
Theorem interval_increasing_encloses (f : R -> R) a x :
  (forall u v, inside u a -> inside v a -> u <= v -> f u <= f v) ->
  inside x a -> inside (f x) (Interval (down (f (lo a))) (up (f (hi a)))).
Proof.
  intros Hf [Hl Hu]. unfold inside in *. simpl.
  pose proof (down_below (f (lo a))). pose proof (up_above (f (hi a))).
  split; [apply Rle_trans with (f (lo a)) | apply Rle_trans with (f (hi a))];
    try assumption; apply Hf; lra.
Qed.

Theorem interval_decreasing_encloses (f : R -> R) a x :
  (forall u v, inside u a -> inside v a -> u <= v -> f v <= f u) ->
  inside x a -> inside (f x) (Interval (down (f (hi a))) (up (f (lo a)))).
Proof.
  intros Hf [Hl Hu]. unfold inside in *. simpl.
  pose proof (down_below (f (hi a))). pose proof (up_above (f (lo a))).
  split; [apply Rle_trans with (f (hi a)) | apply Rle_trans with (f (lo a))];
    try assumption; apply Hf; lra.
Qed.

End Intervals.

(** Where the sign decides, x or 0; otherwise the hull of both. *)
Theorem relu_encloses a x :
  inside x a -> inside (Rmax 0 x) (Interval (Rmax 0 (lo a)) (Rmax 0 (hi a))).
Proof. unfold inside, Rmax. simpl. intros H. repeat destruct Rle_dec; lra. Qed.

(** The hull holds whatever either branch holds. *)
Theorem hull_encloses a b x :
  inside x a \/ inside x b -> inside x (Interval (Rmin (lo a) (lo b)) (Rmax (hi a) (hi b))).
Proof. unfold inside, Rmin, Rmax. simpl. intros H. repeat destruct Rle_dec; lra. Qed.

(** ** Balls *)

Record ball := Ball { mid : R; rad : R }.

Definition near (x : R) (b : ball) : Prop := Rabs (x - mid b) <= rad b.

(** The midpoint m of a result may err by e, and its radius be rounded up to r. *)
Theorem ball_add_encloses a b x y m e r :
  near x a -> near y b -> Rabs (mid a + mid b - m) <= e -> rad a + rad b + e <= r ->
  near (x + y) (Ball m r).
Proof.
  unfold near. simpl. intros Hx Hy Hm Hr. eapply Rle_trans; [|exact Hr].
  replace (x + y - m) with ((x - mid a) + (y - mid b) + (mid a + mid b - m)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  pose proof (Rabs_triang (x - mid a) (y - mid b)). lra.
Qed.

Lemma product_error (x y mx my rx ry : R) :
  Rabs (x - mx) <= rx -> Rabs (y - my) <= ry ->
  Rabs (x * y - mx * my) <= Rabs mx * ry + rx * (Rabs my + ry).
Proof.
  intros Hx Hy.
  replace (x * y - mx * my) with (mx * (y - my) + (x - mx) * (my + (y - my))) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
  apply Rplus_le_compat.
  - apply Rmult_le_compat_l; [apply Rabs_pos | exact Hy].
  - apply Rmult_le_compat; try apply Rabs_pos; [exact Hx|].
    eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

Theorem ball_multiply_encloses a b x y m e r :
  near x a -> near y b -> Rabs (mid a * mid b - m) <= e ->
  Rabs (mid a) * rad b + rad a * (Rabs (mid b) + rad b) + e <= r ->
  near (x * y) (Ball m r).
Proof.
  unfold near. simpl. intros Hx Hy Hm Hr. eapply Rle_trans; [|exact Hr].
  replace (x * y - m) with ((x * y - mid a * mid b) + (mid a * mid b - m)) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  apply Rplus_le_compat; [now apply product_error | exact Hm].
Qed.

Theorem ball_divide_encloses a b x y m e r :
  near x a -> near y b -> rad b < Rabs (mid b) -> Rabs (mid a / mid b - m) <= e ->
  (rad a + Rabs (mid a / mid b) * rad b) / (Rabs (mid b) - rad b) + e <= r ->
  near (x / y) (Ball m r).
Proof.
  unfold near. simpl. intros Hx Hy Hb Hm Hr. eapply Rle_trans; [|exact Hr].
  assert (Hry : 0 <= rad b) by (eapply Rle_trans; [apply Rabs_pos | exact Hy]).
  assert (Hy0 : Rabs (mid b) - rad b <= Rabs y).
  { pose proof (Rabs_triang y (mid b - y)) as H.
    replace (y + (mid b - y)) with (mid b) in H by ring.
    rewrite (Rabs_minus_sym (mid b)) in H. lra. }
  assert (Hyn : y <> 0) by (intros ->; rewrite Rabs_R0 in Hy0; lra).
  assert (Hbn : mid b <> 0) by (intros E; rewrite E, Rabs_R0 in Hb; lra).
  replace (x / y - m)
    with (((x - mid a) + mid a / mid b * (mid b - y)) / y + (mid a / mid b - m)) by (now field).
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [|exact Hm].
  unfold Rdiv at 1. rewrite Rabs_mult, Rabs_inv. unfold Rdiv at 2.
  apply Rmult_le_compat.
  - apply Rabs_pos.
  - left. apply Rinv_0_lt_compat. lra.
  - eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    apply Rplus_le_compat; [exact Hx|].
    apply Rmult_le_compat_l; [apply Rabs_pos | now rewrite Rabs_minus_sym].
  - apply Rinv_le_contravar; lra.
Qed.

(** An interval becomes a ball around any point of it or near it. *)
Theorem ball_of_interval i m r x :
  inside x i -> m - lo i <= r -> hi i - m <= r -> near x (Ball m r).
Proof. unfold inside, near. simpl. intros Hx Hl Hu. apply Rabs_le. lra. Qed.

Theorem interval_of_ball b x down up :
  near x b -> down <= mid b - rad b -> mid b + rad b <= up -> inside x (Interval down up).
Proof. unfold inside, near. simpl. intros Hx Hl Hu. split_Rabs; lra. Qed.

(** ** Dot products and matrix products *)

Definition dot (n : nat) (x y : nat -> R) : R := sum_below (fun k => x k * y k) n.

(** Midpoints x~, y~ with radii; s is the dot product of the midpoints as computed, within
    g sum |x~ y~| + e. *)
Theorem dot_product_encloses (n : nat) (x y mx my rx ry : nat -> R) (s g e : R) :
  (forall k, (k < n)%nat -> Rabs (x k - mx k) <= rx k) ->
  (forall k, (k < n)%nat -> Rabs (y k - my k) <= ry k) ->
  Rabs (dot n mx my - s) <= g * dot n (fun k => Rabs (mx k)) (fun k => Rabs (my k)) + e ->
  Rabs (dot n x y - s) <=
  dot n (fun k => Rabs (mx k)) (fun k => ry k + g * Rabs (my k)) +
  dot n rx (fun k => Rabs (my k) + ry k) + e.
Proof.
  unfold dot. intros Hx Hy Hs.
  replace (sum_below (fun k => x k * y k) n - s)
    with (sum_below (fun k => x k * y k - mx k * my k) n + (sum_below (fun k => mx k * my k) n - s))
    by (rewrite sum_below_minus; ring).
  eapply Rle_trans; [apply Rabs_triang|].
  apply Rle_trans with
    (sum_below (fun k => Rabs (mx k) * ry k + rx k * (Rabs (my k) + ry k)) n +
     (g * sum_below (fun k => Rabs (mx k) * Rabs (my k)) n + e)).
  - apply Rplus_le_compat; [|exact Hs].
    eapply Rle_trans; [apply sum_below_abs|].
    apply sum_below_le. intros k Hk. apply product_error; [now apply Hx | now apply Hy].
  - right. rewrite <- sum_below_scal, <- Rplus_assoc, <- sum_below_plus.
    rewrite <- sum_below_plus. f_equal. apply sum_below_ext. intros k _. ring.
Qed.

(** The product theorem of proofs/matrix_products.md, entry by entry:

        |A B - C~| <= |A~|(r_B + g |B~|) + r_A (|B~| + r_B) + n eta. *)
Theorem matrix_product_encloses (n : nat) (A mA rA B mB rB C : nat -> nat -> R) (g eta : R)
    (i j : nat) :
  (forall k, (k < n)%nat -> Rabs (A i k - mA i k) <= rA i k) ->
  (forall k, (k < n)%nat -> Rabs (B k j - mB k j) <= rB k j) ->
  Rabs (sum_below (fun k => mA i k * mB k j) n - C i j) <=
    g * sum_below (fun k => Rabs (mA i k) * Rabs (mB k j)) n + INR n * eta ->
  Rabs (sum_below (fun k => A i k * B k j) n - C i j) <=
    sum_below (fun k => Rabs (mA i k) * (rB k j + g * Rabs (mB k j))) n +
    sum_below (fun k => rA i k * (Rabs (mB k j) + rB k j)) n + INR n * eta.
Proof.
  exact (dot_product_encloses n (A i) (fun k => B k j) (mA i) (fun k => mB k j) (rA i)
           (fun k => rB k j) (C i j) g (INR n * eta)).
Qed.

(** The same bound with the sums over the other factor. *)
Theorem matrix_product_other_form (n : nat) (mA rA mB rB : nat -> nat -> R) (g : R) (i j : nat) :
  sum_below (fun k => Rabs (mA i k) * (rB k j + g * Rabs (mB k j))) n +
  sum_below (fun k => rA i k * (Rabs (mB k j) + rB k j)) n =
  sum_below (fun k => (g * Rabs (mA i k) + rA i k) * Rabs (mB k j)) n +
  sum_below (fun k => (Rabs (mA i k) + rA i k) * rB k j) n.
Proof. rewrite <- !sum_below_plus. apply sum_below_ext. intros k _. ring. Qed.

(** ** Whole runs *)

(** Operations add a value to those computed so far; the only branches are on decided conditions. *)
Inductive program (Op Condition : Type) : Type :=
  | done
  | apply (o : Op) (arguments : list nat) (rest : program Op Condition)
  | branch (c : Condition) (arguments : list nat) (yes no : program Op Condition).
Arguments done {Op Condition}.
Arguments apply {Op Condition}.
Arguments branch {Op Condition}.

Fixpoint pick {V} (values : list V) (arguments : list nat) : option (list V) :=
  match arguments with
  | nil => Some nil
  | cons k rest =>
      match nth_error values k, pick values rest with
      | Some v, Some vs => Some (cons v vs)
      | _, _ => None
      end
  end.

(** None: undefined, or undecided. *)
Fixpoint execute {Op Condition V} (operate : Op -> list V -> option V)
    (decide : Condition -> list V -> option bool) (p : program Op Condition) (values : list V)
    : option (list V) :=
  match p with
  | done => Some values
  | apply o arguments rest =>
      match pick values arguments with
      | Some vs =>
          match operate o vs with
          | Some v => execute operate decide rest (values ++ v :: nil)
          | None => None
          end
      | None => None
      end
  | branch c arguments yes no =>
      match pick values arguments with
      | Some vs =>
          match decide c vs with
          | Some true => execute operate decide yes values
          | Some false => execute operate decide no values
          | None => None
          end
      | None => None
      end
  end.

Section Run.
Context {Op Condition V W : Type} (holds : W -> V -> Prop).
Variables (operate : Op -> list V -> option V) (decide : Condition -> list V -> option bool).
Variables (enclose : Op -> list W -> option W) (decide_all : Condition -> list W -> option bool).

(** What enclosures answer is right for all of their members. *)
Hypothesis enclose_sound : forall o ws vs w,
  Forall2 holds ws vs -> enclose o ws = Some w -> exists v, operate o vs = Some v /\ holds w v.
Hypothesis decide_sound : forall c ws vs answer,
  Forall2 holds ws vs -> decide_all c ws = Some answer -> decide c vs = Some answer.

Lemma nth_error_held ws vs k w :
  Forall2 holds ws vs -> nth_error ws k = Some w -> exists v, nth_error vs k = Some v /\ holds w v.
Proof.
  intros H. revert k. induction H as [|w' v' ws vs Hh Hrest IH]; intros [|k]; simpl;
    try discriminate.
  - intros [= <-]. now exists v'.
  - apply IH.
Qed.

Lemma pick_held ws vs arguments ws' :
  Forall2 holds ws vs -> pick ws arguments = Some ws' ->
  exists vs', pick vs arguments = Some vs' /\ Forall2 holds ws' vs'.
Proof.
  intros H. revert ws'. induction arguments as [|k rest IH]; simpl; intros ws' Hp.
  - injection Hp as <-. exists nil. split; [reflexivity | constructor].
  - destruct (nth_error ws k) as [w|] eqn:Hw; [|discriminate].
    destruct (pick ws rest) as [wr|]; [|discriminate]. injection Hp as <-.
    destruct (nth_error_held _ _ _ _ H Hw) as [v [-> Hv]].
    destruct (IH _ eq_refl) as [vr [-> Hr]].
    exists (v :: vr). split; [reflexivity | now constructor].
Qed.

(** Theorem 1: a run in an enclosing arithmetic that comes to its end holds the exact run. *)
Theorem run_is_enclosed p ws vs ws' :
  Forall2 holds ws vs -> execute enclose decide_all p ws = Some ws' ->
  exists vs', execute operate decide p vs = Some vs' /\ Forall2 holds ws' vs'.
Proof.
  revert ws vs. induction p as [|o arguments rest IH|c arguments yes IHyes no IHno];
    simpl; intros ws vs H Hrun.
  - injection Hrun as <-. now exists vs.
  - destruct (pick ws arguments) as [wa|] eqn:Hpick; [|discriminate].
    destruct (pick_held _ _ _ _ H Hpick) as [va [-> Ha]].
    destruct (enclose o wa) as [w|] eqn:Ho; [|discriminate].
    destruct (enclose_sound _ _ _ _ Ha Ho) as [v [-> Hv]].
    apply (IH (ws ++ w :: nil)); [|exact Hrun].
    apply Forall2_app; [exact H | now repeat constructor].
  - destruct (pick ws arguments) as [wa|] eqn:Hpick; [|discriminate].
    destruct (pick_held _ _ _ _ H Hpick) as [va [-> Ha]].
    destruct (decide_all c wa) as [answer|] eqn:Hc; [|discriminate].
    rewrite (decide_sound _ _ _ _ Ha Hc).
    destruct answer; [now apply (IHyes ws) | now apply (IHno ws)].
Qed.
End Run.
