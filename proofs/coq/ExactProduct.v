(** Exact products of integers by residues, and limb by limb.

    In words: two Montgomery steps divide by beta^2 modulo a prime and leave a number little above it;
    an integer X with 8 |X| <= M, M the product of the primes, is Sum y_i M_i - q M, where q is the
    integer nearest to the sum of the y_i/m_i as doubles compute it; the accumulators of the kernels do
    not overflow; without the limbs below some place the result is off by less than 2^61 units, and
    rounding errs by at most 1/2 + 2^-52 places (+ 2^-40).

    Relied on by: limb_kernels_ifma.cpp, limb_kernels_words.inc, residue_basis.cpp, limb_product.cpp,
    limb_arithmetic.cpp ([rounded]). Page: limb_products.md. Words of 64 bits are integers here that
    are shown to stay below 2^63 or 2^64; memory and lanes are not modelled. That the moduli are
    coprime and at least 2^26 (2^49) is assumed. *)

From Coq Require Import Bool ZArith Lia List Znumtheory Reals Lra.
From Flocq Require Import Core.
From NumGeom Require Gamma.
Import ListNotations.
Open Scope Z_scope.

(** * Constants of the code *)

Definition kLimbBits : Z := 52.
Definition kMostTerms : Z := 2048.
Definition kTermsAtOnce : Z := 256.
Definition kTermsToFold : Z := 256.
Definition kMostFactors : Z := 256.
Definition kMostProductBits : Z := 26000.
Definition kErrorBits : Z := 61.
Definition kGuardBits : Z := 40.
Definition limbs_for_bits (bits : Z) : Z := (bits + 1) / kLimbBits + 1.

(** * Sums over lists *)

Fixpoint sum {A : Type} (f : A -> Z) (l : list A) : Z :=
  match l with
  | [] => 0
  | x :: rest => f x + sum f rest
  end.

Definition count {A : Type} (l : list A) : Z := Z.of_nat (length l).

Lemma sum_bounds : forall A (f : A -> Z) (l : list A) low high,
  (forall x, In x l -> low <= f x <= high) -> count l * low <= sum f l <= count l * high.
Proof.
  intros A f l low high. unfold count. induction l as [|x l IH]; intros H; simpl length.
  - simpl. lia.
  - rewrite Nat2Z.inj_succ. simpl sum.
    specialize (IH (fun y Hy => H y (or_intror Hy))). specialize (H x (or_introl eq_refl)). nia.
Qed.

Lemma sum_below : forall A (f : A -> Z) (l : list A) n high, count l <= n -> 0 <= high ->
  (forall x, In x l -> 0 <= f x <= high) -> 0 <= sum f l <= n * high.
Proof.
  intros A f l n high Hn Hh H. pose proof (sum_bounds A f l 0 high H).
  assert (0 <= count l) by (unfold count; lia). nia.
Qed.

Lemma sum_size : forall A (f : A -> Z) (l : list A) n high, count l <= n -> 0 <= high ->
  (forall x, In x l -> Z.abs (f x) <= high) -> Z.abs (sum f l) <= n * high.
Proof.
  intros A f l n high Hn Hh H.
  assert (H' : forall x, In x l -> - high <= f x <= high) by (intros x Hx; specialize (H x Hx); lia).
  pose proof (sum_bounds A f l (- high) high H').
  assert (0 <= count l) by (unfold count; lia). nia.
Qed.

Lemma sum_combine : forall A (f g h : A -> Z) (l : list A) c,
  (forall x, In x l -> f x = g x + c * h x) -> sum f l = sum g l + c * sum h l.
Proof.
  intros A f g h l c. induction l as [|x l IH]; intros H; simpl; [lia|].
  rewrite (H x (or_introl eq_refl)), (IH (fun y Hy => H y (or_intror Hy))). ring.
Qed.

(** * Lemma 1: Montgomery steps *)

Section Montgomery.

Variables beta m mu : Z.
Hypothesis beta_positive : 0 < beta.
Hypothesis m_positive : 0 < m.
(** mu = -1/m modulo beta *)
Hypothesis negative_inverse : (m * mu + 1) mod beta = 0.

Definition digit_of (l : Z) : Z := (l * mu) mod beta.

(** (h beta + l)/beta modulo m, as `montgomery` computes it: no carry is added but the one of l. *)
Definition step (h l : Z) : Z := h + digit_of l * m / beta + (if l =? 0 then 0 else 1).

Lemma digit_range : forall l, 0 <= digit_of l < beta.
Proof. intros l. apply Z.mod_pos_bound, beta_positive. Qed.

Lemma low_cancels : forall l, (l + digit_of l * m) mod beta = 0.
Proof.
  intros l. unfold digit_of.
  rewrite Z.add_mod, Z.mul_mod_idemp_l, <- Z.add_mod by lia.
  replace (l + l * mu * m) with (l * (m * mu + 1)) by ring.
  rewrite Z.mul_mod, negative_inverse, Z.mul_0_r by lia. apply Z.mod_0_l. lia.
Qed.

Theorem step_exact : forall h l, 0 <= l < beta ->
  step h l * beta = h * beta + l + digit_of l * m.
Proof.
  intros h l Hl. unfold step.
  pose proof (low_cancels l) as H. pose proof (digit_range l) as Hq.
  pose proof (Z.div_mod (digit_of l * m) beta ltac:(lia)) as E.
  pose proof (Z.mod_pos_bound (digit_of l * m) beta beta_positive) as Hr.
  set (r := (digit_of l * m) mod beta) in *. set (d := digit_of l * m / beta) in *.
  assert (H' : (l + r) mod beta = 0).
  { unfold r. rewrite Z.add_mod_idemp_r by lia. exact H. }
  apply Z.mod_divide in H'; [|lia]. destruct H' as (k & Hk).
  rewrite E. destruct (Z.eqb_spec l 0) as [->|Nl].
  - assert (k = 0) by nia. nia.
  - assert (k = 1) by nia. nia.
Qed.

Theorem step_residue : forall h l, 0 <= l < beta -> (m | step h l * beta - (h * beta + l)).
Proof. intros h l Hl. rewrite step_exact by exact Hl. exists (digit_of l). ring. Qed.

Theorem step_range : forall h l, 0 <= h -> h <= step h l <= h + m.
Proof.
  intros h l Hh. unfold step. pose proof (digit_range l) as Hq.
  assert (0 <= digit_of l * m / beta) by (apply Z.div_pos; nia).
  assert (digit_of l * m / beta < m) by (apply Z.div_lt_upper_bound; nia).
  destruct (l =? 0); lia.
Qed.

(** The same with words that hold x + q m. *)
Definition word_step (x : Z) : Z := (x + digit_of (x mod beta) * m) / beta.

Theorem word_step_exact : forall x, word_step x = step (x / beta) (x mod beta).
Proof.
  intros x. unfold word_step.
  pose proof (Z.mod_pos_bound x beta beta_positive) as Hl.
  pose proof (step_exact (x / beta) (x mod beta) Hl) as H.
  pose proof (Z.div_mod x beta ltac:(lia)) as E.
  replace (x + digit_of (x mod beta) * m) with (step (x / beta) (x mod beta) * beta) by lia.
  apply Z.div_mul. lia.
Qed.

(** Two steps: `reduce`. *)
Definition reduce (h l : Z) : Z := let once := step h l in step (once / beta) (once mod beta).

Theorem reduce_residue : forall h l, 0 <= l < beta ->
  (m | reduce h l * (beta * beta) - (h * beta + l)).
Proof.
  intros h l Hl. unfold reduce. set (once := step h l).
  destruct (step_residue h l Hl) as (a & Ha). fold once in Ha.
  destruct (step_residue (once / beta) (once mod beta)) as (b & Hb).
  { apply Z.mod_pos_bound, beta_positive. }
  pose proof (Z.div_mod once beta ltac:(lia)) as E.
  exists (b * beta + a). nia.
Qed.

Theorem reduce_range : forall h l c, 0 <= h -> h + m < c * beta ->
  0 <= reduce h l <= m + (c - 1).
Proof.
  intros h l c Hh Hc. unfold reduce.
  pose proof (step_range h l Hh) as H1. set (once := step h l) in *.
  assert (0 <= once / beta) by (apply Z.div_pos; lia).
  assert (once / beta < c) by (apply Z.div_lt_upper_bound; lia).
  pose proof (step_range (once / beta) (once mod beta)). lia.
Qed.

End Montgomery.

(** IFMA: beta = 2^52, m < 2^50, sums of low halves below 2^64 and of high halves below 2^62. *)
Theorem ifma_reduce : forall m mu lo hi, 0 < m < 2 ^ 50 -> (m * mu + 1) mod 2 ^ 52 = 0 ->
  0 <= lo < 2 ^ 64 -> 0 <= hi < 2 ^ 62 ->
  let h := hi + lo / 2 ^ 52 in
  let l := lo mod 2 ^ 52 in
  0 <= step (2 ^ 52) m mu h l < 2 ^ 63 /\
  0 <= reduce (2 ^ 52) m mu h l <= m + 2 ^ 12 /\
  (m | reduce (2 ^ 52) m mu h l * 2 ^ 104 - (hi * 2 ^ 52 + lo)).
Proof.
  intros m mu lo hi Hm Hmu Hlo Hhi h l.
  assert (Hl : 0 <= l < 2 ^ 52) by (apply Z.mod_pos_bound; lia).
  assert (Hd : 0 <= lo / 2 ^ 52 < 2 ^ 12).
  { split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. }
  assert (Hh : 0 <= h < 2 ^ 62 + 2 ^ 12) by (unfold h; lia).
  pose proof (step_range (2 ^ 52) m mu ltac:(lia) ltac:(lia) h l ltac:(lia)).
  split; [lia|]. split.
  - pose proof (reduce_range (2 ^ 52) m mu ltac:(lia) ltac:(lia) h l (2 ^ 12 + 1)
                  ltac:(lia) ltac:(lia)). lia.
  - pose proof (reduce_residue (2 ^ 52) m mu ltac:(lia) Hmu h l Hl) as H'.
    replace (hi * 2 ^ 52 + lo) with (h * 2 ^ 52 + l); [exact H'|].
    unfold h, l. pose proof (Z.div_mod lo (2 ^ 52) ltac:(lia)). lia.
Qed.

(** Words: beta = 2^32, m < 2^27, sums below 2^63. *)
Theorem words_reduce : forall m mu x, 0 < m < 2 ^ 27 -> (m * mu + 1) mod 2 ^ 32 = 0 ->
  0 <= x < 2 ^ 63 ->
  let q y := digit_of (2 ^ 32) mu (y mod 2 ^ 32) in
  let once := word_step (2 ^ 32) m mu x in
  let twice := word_step (2 ^ 32) m mu once in
  x + q x * m < 2 ^ 64 /\ once + q once * m < 2 ^ 64 /\
  0 <= twice <= m /\ (m | twice * 2 ^ 64 - x).
Proof.
  intros m mu x Hm Hmu Hx q once twice.
  pose proof (digit_range (2 ^ 32) mu ltac:(lia) (x mod 2 ^ 32)) as Q1.
  pose proof (digit_range (2 ^ 32) mu ltac:(lia) (once mod 2 ^ 32)) as Q2.
  assert (Eo : once = step (2 ^ 32) m mu (x / 2 ^ 32) (x mod 2 ^ 32))
    by (apply word_step_exact; lia || exact Hmu).
  assert (Et : twice = reduce (2 ^ 32) m mu (x / 2 ^ 32) (x mod 2 ^ 32)).
  { unfold twice, reduce. rewrite <- Eo. apply word_step_exact; lia || exact Hmu. }
  assert (Hd : 0 <= x / 2 ^ 32 < 2 ^ 31).
  { split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. }
  pose proof (step_range (2 ^ 32) m mu ltac:(lia) ltac:(lia) (x / 2 ^ 32) (x mod 2 ^ 32)
                ltac:(lia)) as Ho.
  rewrite <- Eo in Ho.
  assert (Q : forall d, 0 <= d < 2 ^ 32 -> d * m < 2 ^ 59).
  { intros d Hq. apply Z.le_lt_trans with ((2 ^ 32 - 1) * (2 ^ 27 - 1)); [|lia].
    apply Z.mul_le_mono_nonneg; lia. }
  apply Q in Q1. apply Q in Q2.
  split; [unfold q; lia|]. split; [unfold q; lia|]. rewrite Et. split.
  - pose proof (reduce_range (2 ^ 32) m mu ltac:(lia) ltac:(lia) (x / 2 ^ 32) (x mod 2 ^ 32) 1
                  ltac:(lia) ltac:(lia)). lia.
  - pose proof (reduce_residue (2 ^ 32) m mu ltac:(lia) Hmu (x / 2 ^ 32) (x mod 2 ^ 32)
                  (Z.mod_pos_bound x (2 ^ 32) ltac:(lia))) as H.
    replace x with (x / 2 ^ 32 * 2 ^ 32 + x mod 2 ^ 32) at 3; [exact H|].
    pose proof (Z.div_mod x (2 ^ 32) ltac:(lia)). lia.
Qed.

(** * Lemma 2: there and back *)

Fixpoint product (ms : list Z) : Z :=
  match ms with
  | [] => 1
  | m :: rest => m * product rest
  end.

Lemma product_positive : forall ms, Forall (fun m => 0 < m) ms -> 0 < product ms.
Proof. intros ms H. induction H; simpl; lia. Qed.

Lemma product_multiple : forall ms m, In m ms -> (m | product ms).
Proof.
  induction ms as [|a ms IH]; intros m H; [destruct H|]. simpl. destruct H as [->|H].
  - apply Z.divide_factor_l.
  - apply Z.divide_mul_r, IH, H.
Qed.

Lemma coprime_product : forall m ms, Forall (rel_prime m) ms -> rel_prime m (product ms).
Proof.
  intros m ms H. induction H as [|a ms Ha _ IH]; simpl.
  - apply rel_prime_sym, rel_prime_1.
  - apply bezout_rel_prime.
    apply rel_prime_bezout in Ha. apply rel_prime_bezout in IH.
    destruct Ha as [u v E]. destruct IH as [u' v' E'].
    apply Bezout_intro with (u * u' * m + u * v' * product ms + v * a * u') (v * v').
    transitivity ((u * m + v * a) * (u' * m + v' * product ms)); [ring|]. rewrite E, E'. ring.
Qed.

Lemma product_divides : forall ms z, ForallOrdPairs rel_prime ms ->
  (forall m, In m ms -> (m | z)) -> (product ms | z).
Proof.
  intros ms z H. induction H as [|m ms Hm _ IH]; intros D; simpl.
  - apply Z.divide_1_l.
  - destruct (D m (or_introl eq_refl)) as (k & ->).
    assert (P : (product ms | k * m)) by (apply IH; intros x Hx; apply D; right; exact Hx).
    rewrite Z.mul_comm in P. apply Gauss in P.
    + rewrite (Z.mul_comm k). apply Z.mul_divide_mono_l, P.
    + apply rel_prime_sym, coprime_product, Hm.
Qed.

(** A prime and the y that goes with it. *)
Notation entry := (Z * Z)%type.
Definition moduli (l : list entry) : list Z := map fst l.

(** Sum y_i M/m_i *)
Definition combination (M : Z) (l : list entry) : Z := sum (fun e => snd e * (M / fst e)) l.

Lemma combination_app : forall M l l', combination M (l ++ l') = combination M l + combination M l'.
Proof. intros M l l'. unfold combination. induction l; simpl; lia. Qed.

Lemma cofactor_exact : forall M m, 0 < m -> (m | M) -> M / m * m = M.
Proof. intros M m Hm (k & ->). rewrite Z.div_mul by lia. reflexivity. Qed.

Lemma other_terms : forall M m l, 0 < M -> (m | M) ->
  (forall e, In e l -> 0 < fst e /\ (fst e | M) /\ rel_prime m (fst e)) ->
  (m | combination M l).
Proof.
  intros M m l HM Dm. induction l as [|(m', y) l IH]; intros H; unfold combination; simpl.
  - apply Z.divide_0_r.
  - destruct (H (m', y) (or_introl eq_refl)) as (P & D & R). simpl in P, D, R.
    apply Z.divide_add_r; [|apply IH; intros e He; apply H; right; exact He].
    apply Z.divide_mul_r. apply Gauss with m'; [|exact R].
    rewrite Z.mul_comm, cofactor_exact by assumption. exact Dm.
Qed.

Lemma pairs_around : forall (l l' : list entry) e, ForallOrdPairs rel_prime (moduli (l ++ e :: l')) ->
  forall e', In e' l \/ In e' l' -> rel_prime (fst e) (fst e').
Proof.
  induction l as [|a l IH]; simpl; intros l' e H e' He'.
  - destruct He' as [[]|He']. inversion H as [|x xs Hx _ Eq]; subst.
    rewrite Forall_forall in Hx. apply Hx. apply in_map. exact He'.
  - inversion H as [|x xs Hx Hxs Eq]; subst. destruct He' as [[->|He']|He'].
    + apply rel_prime_sym. rewrite Forall_forall in Hx. apply Hx.
      apply in_map, in_or_app. right. left. reflexivity.
    + apply (IH l' e Hxs). left. exact He'.
    + apply (IH l' e Hxs). right. exact He'.
Qed.

Section Reconstruction.

Variable l : list entry.
Variable X : Z.
Let M : Z := product (moduli l).
Hypothesis positive : Forall (fun m => 0 < m) (moduli l).
Hypothesis coprime : ForallOrdPairs rel_prime (moduli l).
(** y_i = X (M/m_i)^-1 modulo m_i *)
Hypothesis residues : forall e, In e l -> (fst e | snd e * (M / fst e) - X).

Lemma M_positive : 0 < M.
Proof. apply product_positive, positive. Qed.

Lemma modulus_facts : forall e, In e l -> 0 < fst e /\ (fst e | M).
Proof.
  intros e He. split.
  - rewrite Forall_forall in positive. apply positive, in_map, He.
  - apply product_multiple, in_map, He.
Qed.

(** X is the combination less a multiple of M. *)
Theorem reconstruction : exists q, X = combination M l - q * M.
Proof.
  assert (D : (M | combination M l - X)).
  { apply product_divides; [exact coprime|]. intros m Hm. unfold moduli in Hm.
    apply in_map_iff in Hm. destruct Hm as (e & <- & He).
    destruct (in_split _ _ He) as (l1 & l2 & El).
    assert (Others : forall e', In e' l1 \/ In e' l2 ->
              0 < fst e' /\ (fst e' | M) /\ rel_prime (fst e) (fst e')).
    { intros e' He'. destruct (modulus_facts e') as (P & D).
      { rewrite El. apply in_or_app. destruct He'; [left|right; right]; assumption. }
      split; [exact P|]. split; [exact D|].
      apply (pairs_around l1 l2 e); [rewrite <- El; exact coprime|exact He']. }
    destruct (modulus_facts e He) as (Pe & De).
    assert (Split : combination M l - X =
                    combination M l1 + (snd e * (M / fst e) - X) + combination M l2).
    { rewrite El, combination_app. unfold combination. simpl. lia. }
    rewrite Split. apply Z.divide_add_r; [apply Z.divide_add_r|].
    - apply other_terms; [apply M_positive|exact De|]. intros e' He'. apply Others. left. exact He'.
    - apply residues, He.
    - apply other_terms; [apply M_positive|exact De|]. intros e' He'. apply Others. right. exact He'. }
  destruct D as (q & Hq). exists q. lia.
Qed.

(** X is zero exactly where all y_i are zero, if they are below m_i. *)
Theorem zero_residues : (forall e, In e l -> 0 <= snd e < fst e) -> 8 * Z.abs X <= M ->
  X = 0 <-> (forall e, In e l -> snd e = 0).
Proof.
  intros Hy HX. split.
  - intros Z0 e He. destruct (modulus_facts e He) as (Pe & De).
    pose proof (residues e He) as R. rewrite Z0, Z.sub_0_r, Z.mul_comm in R.
    apply Gauss in R.
    + destruct R as (k & Hk). specialize (Hy e He). assert (k = 0) by nia. lia.
    + destruct (in_split _ _ He) as (l1 & l2 & El).
      assert (Eq : M / fst e = product (moduli l1) * product (moduli l2)).
      { assert (EM : M = product (moduli l1) * product (moduli l2) * fst e).
        { unfold M. rewrite El. unfold moduli. rewrite map_app. cbn [map].
          generalize (map fst l1) as xs. intros xs.
          induction xs as [|x xs IH]; cbn [product app]; [ring|]. rewrite IH. ring. }
        rewrite EM, Z.div_mul by lia. reflexivity. }
      rewrite Eq.
      assert (P : rel_prime (fst e) (product (moduli l1 ++ moduli l2))).
      { apply coprime_product. apply Forall_forall. intros m Hm. unfold moduli in Hm.
        rewrite <- map_app in Hm. apply in_map_iff in Hm. destruct Hm as (e' & <- & He').
        apply (pairs_around l1 l2 e); [rewrite <- El; exact coprime|]. apply in_app_or, He'. }
      replace (product (moduli l1) * product (moduli l2)) with (product (moduli l1 ++ moduli l2));
        [exact P|].
      generalize (moduli l1) as xs. intros xs. induction xs as [|x xs IH]; cbn [product app]; [ring|].
      rewrite IH. ring.
  - intros H. destruct reconstruction as (q & Hq).
    assert (C : combination M l = 0).
    { unfold combination. generalize M. clear -H. intros M'.
      induction l as [|e l' IH]; simpl; [reflexivity|].
      rewrite (H e (or_introl eq_refl)), IH; [lia|]. intros e' He'. apply H. right. exact He'. }
    rewrite C in Hq. pose proof M_positive. assert (q = 0) by nia. lia.
Qed.

Open Scope R_scope.

(** Sum y_i/m_i *)
Definition quotients (l : list entry) : R :=
  fold_right (fun e s => IZR (snd e) / IZR (fst e) + s) 0 l.

Lemma quotients_combination : forall l', (forall e, In e l' -> In e l) ->
  quotients l' = IZR (combination M l') / IZR M.
Proof.
  pose proof (IZR_lt _ _ M_positive) as PM.
  induction l' as [|e l' IH]; intros H; unfold combination; simpl.
  - unfold Rdiv. ring.
  - rewrite IH by (intros e' He'; apply H; right; exact He').
    destruct (modulus_facts e (H e (or_introl eq_refl))) as (Pe & De).
    pose proof (IZR_lt _ _ Pe) as Pe'.
    rewrite plus_IZR, mult_IZR. fold (combination M l').
    pose proof (cofactor_exact M (fst e) Pe De) as E. apply (f_equal IZR) in E.
    rewrite mult_IZR in E. rewrite <- E.
    assert (IZR (M / fst e) <> 0) by (intros Z; rewrite Z in E; lra).
    field. split; lra.
Qed.

(** The nearest integer to any number within 2^-32 of the sum is q; so is the integer part of it
    plus 1/2, rounded to a double. *)
Theorem nearest_quotient : forall q f choice, X = (combination M l - q * M)%Z ->
  (8 * Z.abs X <= M)%Z -> Rabs (f - quotients l) < bpow radix2 (-32) ->
  Rabs (f - IZR q) <= / 8 + bpow radix2 (-32) /\ Znearest choice f = q.
Proof.
  intros q f choice HX Hsmall Hf.
  pose proof (IZR_lt _ _ M_positive) as PM.
  assert (E : quotients l = IZR X / IZR M + IZR q).
  { rewrite quotients_combination by auto. rewrite HX, minus_IZR, mult_IZR. field. lra. }
  assert (HXM : Rabs (IZR X / IZR M) <= / 8).
  { unfold Rdiv. rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq (IZR M)) by lra. rewrite <- abs_IZR.
    apply IZR_le in Hsmall. rewrite mult_IZR in Hsmall.
    apply Rmult_le_reg_r with (IZR M); [exact PM|].
    rewrite Rmult_assoc, Rinv_l by lra. lra. }
  assert (B : bpow radix2 (-32) <= / 8) by (simpl; lra).
  assert (D : Rabs (f - IZR q) <= / 8 + bpow radix2 (-32)).
  { replace (f - IZR q) with ((f - quotients l) + IZR X / IZR M) by (rewrite E; ring).
    eapply Rle_trans; [apply Rabs_triang|]. lra. }
  split; [exact D|]. apply Znearest_imp. lra.
Qed.

Close Scope R_scope.

End Reconstruction.

(** The factors of beta cancel: r = X/beta^2, the factor is (M/m)^-1 beta^4 modulo m, and y is what
    two steps leave of their product. *)
Theorem beta_cancels : forall m b C X r factor y, rel_prime m b ->
  (m | r * b - X) -> (m | factor * C - b * b) -> (m | y * b - r * factor) -> (m | y * C - X).
Proof.
  intros m b C X r factor y Hm (i & Hi) (j & Hj) (k & Hk).
  apply Gauss with b; [|exact Hm].
  exists (k * C + r * j + b * i).
  transitivity ((y * b - r * factor) * C + r * (factor * C - b * b) + b * (r * b - X)); [ring|].
  rewrite Hi, Hj, Hk. ring.
Qed.

(** Digits times weights, and two steps: the residue of X itself. *)
Theorem digits_to_residue : forall m b X total r, rel_prime m b ->
  (m | total - X * b) -> (m | r * b - total) -> (m | r - X).
Proof.
  intros m b X total r Hm (i & Hi) (j & Hj). apply Gauss with b; [|exact Hm].
  exists (i + j). transitivity ((r * b - total) + (total - X * b)); [ring|]. rewrite Hi, Hj. ring.
Qed.

(** ** The quotient in doubles *)

Section Quotient.

Open Scope R_scope.

Variable choice : Z -> bool.
Notation RN := (round radix2 (FLT_exp (-1074) 53) (Znearest choice)).

(** One product and one sum a prime, or both fused, the last in the list first. *)
Fixpoint quotient_tree (l : list (entry * bool)) : Gamma.tree :=
  match l with
  | [] => Gamma.Zero
  | ((m, y), fused) :: rest =>
      let reciprocal := RN (/ IZR m) in
      if fused then Gamma.Fused (IZR y) reciprocal (quotient_tree rest)
      else Gamma.Sum (quotient_tree rest) (Gamma.Product (IZR y) reciprocal)
  end.

Lemma reciprocal_error : forall m, (0 < m < 2 ^ 52)%Z ->
  Rabs (RN (/ IZR m) - / IZR m) <= bpow radix2 (-53) * / IZR m.
Proof.
  intros m Hm.
  assert (P : 0 < IZR m) by (apply IZR_lt; lia).
  assert (I : 0 < / IZR m) by (apply Rinv_0_lt_compat, P).
  destruct (Gamma.normal_error choice (/ IZR m)) as (d & Hd & ->).
  { right. rewrite Rabs_pos_eq by lra.
    apply Rle_trans with (bpow radix2 (- (52))); [apply bpow_le; lia|].
    rewrite bpow_opp. apply Rinv_le; [exact P|].
    change (bpow radix2 52) with (IZR (2 ^ 52)). apply IZR_le. lia. }
  replace (/ IZR m * (1 + d) - / IZR m) with (d * / IZR m) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq (/ IZR m)) by lra. apply Rmult_le_compat_r; lra.
Qed.

Lemma quotient_tree_facts : forall l,
  (forall e, In e l -> (0 < fst (fst e) < 2 ^ 52 /\ 0 <= snd (fst e) < fst (fst e))%Z) ->
  let t := quotient_tree l in
  let u := bpow radix2 (-53) in
  Gamma.terms t = length l /\
  Gamma.sizes t <= INR (length l) * (1 + u) /\
  Rabs (Gamma.exact t - quotients (map fst l)) <= INR (length l) * u /\
  0 <= quotients (map fst l) <= INR (length l).
Proof.
  intros l. cbv zeta. set (u := bpow radix2 (-53)).
  assert (Hu : 0 < u) by apply bpow_gt_0.
  induction l as [|((m, y), fused) l IH]; intros H.
  - simpl. rewrite Rminus_0_r, Rabs_R0. repeat split; lra.
  - destruct (IH (fun e He => H e (or_intror He))) as (T & Sz & E & Q).
    destruct (H _ (or_introl eq_refl)) as (Hm & Hy). simpl in Hm, Hy.
    assert (P : 0 < IZR m) by (apply IZR_lt; lia).
    assert (I : 0 < / IZR m) by (apply Rinv_0_lt_compat, P).
    assert (Hy0 : 0 <= IZR y) by (apply IZR_le; lia).
    assert (Hy1 : IZR y * / IZR m <= 1).
    { apply Rmult_le_reg_r with (IZR m); [exact P|].
      rewrite Rmult_assoc, Rinv_l by lra. rewrite Rmult_1_r, Rmult_1_l. apply IZR_le. lia. }
    pose proof (reciprocal_error m Hm) as Hr. fold u in Hr.
    set (r := RN (/ IZR m)) in *.
    assert (D : Rabs (IZR y * r - IZR y * / IZR m) <= u).
    { rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq (IZR y)) by exact Hy0.
      apply Rle_trans with (IZR y * (u * / IZR m)); [apply Rmult_le_compat_l; assumption|].
      replace (IZR y * (u * / IZR m)) with (u * (IZR y * / IZR m)) by ring.
      rewrite <- (Rmult_1_r u) at 2. apply Rmult_le_compat_l; lra. }
    assert (B : Rabs (IZR y * r) <= 1 + u).
    { replace (IZR y * r) with ((IZR y * r - IZR y * / IZR m) + IZR y * / IZR m) by ring.
      eapply Rle_trans; [apply Rabs_triang|].
      rewrite (Rabs_pos_eq (IZR y * / IZR m)) by (apply Rmult_le_pos; lra). lra. }
    assert (Hy2 : 0 <= IZR y * / IZR m) by (apply Rmult_le_pos; lra).
    change (length (((m, y), fused) :: l)) with (S (length l)). rewrite S_INR.
    cbn [map fst quotients fold_right snd]. fold (quotients (map fst l)). unfold Rdiv.
    set (Q' := quotients (map fst l)) in *.
    assert (Dist : Rabs (IZR y * r + Gamma.exact (quotient_tree l) - (IZR y * / IZR m + Q'))
                   <= (INR (length l) + 1) * u).
    { replace (IZR y * r + Gamma.exact (quotient_tree l) - (IZR y * / IZR m + Q'))
        with ((IZR y * r - IZR y * / IZR m) + (Gamma.exact (quotient_tree l) - Q')) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. lra. }
    cbn [quotient_tree]. fold r. destruct fused; cbn [Gamma.terms Gamma.sizes Gamma.exact].
    + rewrite T. repeat split; try lra.
    + rewrite T. repeat split; try lra.
      * lia.
      * rewrite (Rplus_comm (Gamma.exact _)). exact Dist.
Qed.

(** At most 1024 primes below 2^50: the sum of doubles is within 2^-32. *)
Theorem quotient_error : forall l, (length l <= 1024)%nat ->
  (forall e, In e l -> (0 < fst (fst e) < 2 ^ 52 /\ 0 <= snd (fst e) < fst (fst e))%Z) ->
  Rabs (Gamma.in_doubles choice (quotient_tree l) - quotients (map fst l)) < bpow radix2 (-32) /\
  0 <= quotients (map fst l) <= 1024.
Proof.
  intros l Hl H. destruct (quotient_tree_facts l H) as (T & S & E & Q).
  set (t := quotient_tree l) in *. set (u := bpow radix2 (-53)) in *.
  assert (Hn : 0 <= INR (length l) <= 1024).
  { split; [apply pos_INR|]. rewrite INR_IZR_INZ. apply IZR_le. lia. }
  assert (Hu : 0 < u) by apply bpow_gt_0.
  assert (Hu53 : u = / 9007199254740992) by (unfold u; simpl; lra).
  split; [|lra].
  pose proof (Gamma.double_sum_of_products choice t) as G. fold u in G. rewrite T in G.
  rewrite S_INR in G. set (n := INR (length l)) in *.
  assert (G1 : n * (n + 1) * u <= 1).
  { apply Rle_trans with (1024 * (1024 + 1) * u); [|rewrite Hu53; lra].
    apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat; lra. }
  specialize (G G1).
  assert (G2 : (n + 1) * u * Gamma.sizes t <= (1025 * u) * (1024 * (1 + u))).
  { apply Rmult_le_compat.
    - apply Rmult_le_pos; lra.
    - apply Gamma.sizes_nonnegative.
    - apply Rmult_le_compat_r; lra.
    - eapply Rle_trans; [exact S|]. apply Rmult_le_compat_r; lra. }
  assert (G3 : n * bpow radix2 (-1074) <= 1024 * u).
  { apply Rmult_le_compat; try lra; [apply bpow_ge_0|]. apply bpow_le. lia. }
  assert (G4 : n * u <= 1024 * u) by (apply Rmult_le_compat_r; lra).
  replace (Gamma.in_doubles choice t - quotients (map fst l))
    with ((Gamma.in_doubles choice t - Gamma.exact t)
          + (Gamma.exact t - quotients (map fst l))) by ring.
  eapply Rle_lt_trans; [apply Rabs_triang|].
  apply Rle_lt_trans with (1025 * u * (1024 * (1 + u)) + 1024 * u + 1024 * u); [lra|].
  rewrite Hu53. simpl. lra.
Qed.

(** The kernels for words take the integer part of the sum plus 1/2. *)
Theorem integer_part : forall f q, (0 <= q <= 1024)%Z ->
  Rabs (f - IZR q) <= / 8 + bpow radix2 (-32) -> Ztrunc (RN (f + / 2)) = q.
Proof.
  intros f q Hq H.
  assert (Q : 0 <= IZR q <= 1024) by (split; apply IZR_le; lia).
  assert (B : bpow radix2 (-32) <= / 16) by (simpl; lra).
  apply Rabs_le_inv in H.
  destruct (Gamma.nearest_error choice (f + / 2)) as (d & e & Hd & He & ->).
  assert (D53 : bpow radix2 (-53) <= / 100000) by (simpl; lra).
  assert (E75 : bpow radix2 (-1075) <= / 100000).
  { eapply Rle_trans; [apply (bpow_le radix2 (-1075) (-53)); lia|exact D53]. }
  apply Rabs_le_inv in Hd. apply Rabs_le_inv in He.
  assert (Hx : Rabs ((f + / 2) * d) <= 1026 * / 100000).
  { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos.
    - apply Rabs_le. lra.
    - apply Rabs_le. lra. }
  apply Rabs_le_inv in Hx.
  assert (R : IZR q <= (f + / 2) * (1 + d) + e < IZR (q + 1)) by (rewrite plus_IZR; lra).
  rewrite Ztrunc_floor by lra. apply Zfloor_imp. exact R.
Qed.

End Quotient.

(** Lemma 2 as a whole: what `from_residues` finds is X. *)
Theorem found_again : forall choice choice' (l : list (entry * bool)) X,
  let es := map fst l in
  let M := product (moduli es) in
  (length l <= 1024)%nat ->
  (forall e, In e es -> 0 < fst e < 2 ^ 52 /\ 0 <= snd e < fst e) ->
  ForallOrdPairs rel_prime (moduli es) ->
  (forall e, In e es -> (fst e | snd e * (M / fst e) - X)) -> 8 * Z.abs X <= M ->
  let f := Gamma.in_doubles choice (quotient_tree choice l) in
  let q := Znearest choice' f in
  X = combination M es - q * M /\ 0 <= q <= 1024 /\
  Ztrunc (round radix2 (FLT_exp (-1074) 53) (Znearest choice) (f + / 2)%R) = q.
Proof.
  intros choice choice' l X es M Hl Hy Hp HX Hsmall f q.
  assert (P : Forall (fun m => 0 < m) (moduli es)).
  { apply Forall_forall. intros m Hm. unfold moduli in Hm. apply in_map_iff in Hm.
    destruct Hm as (e & <- & He). apply Hy in He. lia. }
  destruct (quotient_error choice l Hl) as (F & Q).
  { intros e He. apply Hy. apply in_map, He. }
  destruct (reconstruction es X P Hp HX) as (k & Hk).
  destruct (nearest_quotient es X P k f choice' Hk Hsmall F) as (D & E).
  fold q in E. rewrite E. fold M in Hk.
  assert (K : 0 <= k <= 1024).
  { destruct (nearest_quotient es X P k (quotients es) choice' Hk Hsmall) as (D' & _).
    { rewrite Rminus_diag_eq, Rabs_R0 by reflexivity. apply bpow_gt_0. }
    assert (Hb : (bpow radix2 (-32) <= / 8)%R) by (simpl; lra).
    apply Rabs_le_inv in D'. fold es in Q.
    assert (-1 < k) by (apply lt_IZR; lra).
    assert (k < 1025) by (apply lt_IZR; lra). lia. }
  split; [exact Hk|]. split; [exact K|]. apply (integer_part choice f k K D).
Qed.

(** * Lemma 3: sums that do not overflow *)

Definition low52 (p : Z) : Z := p mod 2 ^ 52.
Definition high52 (p : Z) : Z := p / 2 ^ 52.

Lemma halves : forall p, p = low52 p + 2 ^ 52 * high52 p.
Proof. intros p. unfold low52, high52. pose proof (Z.div_mod p (2 ^ 52) ltac:(lia)). lia. Qed.

Lemma low52_range : forall p, 0 <= low52 p <= 2 ^ 52 - 1.
Proof. intros p. unfold low52. pose proof (Z.mod_pos_bound p (2 ^ 52) ltac:(lia)). lia. Qed.

Lemma high52_range : forall p b, 0 <= p < b * 2 ^ 52 -> 0 <= high52 p <= b - 1.
Proof.
  intros p b H. unfold high52. split; [apply Z.div_pos; lia|].
  assert (p / 2 ^ 52 < b) by (apply Z.div_lt_upper_bound; lia). lia.
Qed.

Definition times (p : Z * Z) : Z := fst p * snd p.

(** Products of residues by IFMA: 2048 terms, and so the 256 that are taken at once. *)
Theorem ifma_sums : forall m (l : list (Z * Z)), 0 < m < 2 ^ 50 -> count l <= kMostTerms ->
  (forall p, In p l -> 0 <= fst p <= m + 2 ^ 12 /\ 0 <= snd p <= m + 2 ^ 12) ->
  m + 2 ^ 12 < 2 ^ 52 /\
  0 <= sum (fun p => low52 (times p)) l < 2 ^ 63 /\
  0 <= sum (fun p => high52 (times p)) l < 2 ^ 61 /\
  sum times l = sum (fun p => low52 (times p)) l + 2 ^ 52 * sum (fun p => high52 (times p)) l.
Proof.
  intros m l Hm Hl H. unfold kMostTerms in Hl. split; [lia|]. split; [|split].
  - pose proof (sum_below _ (fun p => low52 (times p)) l 2048 (2 ^ 52 - 1) Hl ltac:(lia)
                  (fun p _ => low52_range _)). lia.
  - assert (B : forall p, In p l -> 0 <= high52 (times p) <= 2 ^ 49 - 1).
    { intros p Hp. apply high52_range. unfold times. specialize (H p Hp). nia. }
    pose proof (sum_below _ (fun p => high52 (times p)) l 2048 (2 ^ 49 - 1) Hl ltac:(lia) B). lia.
  - apply sum_combine. intros p _. apply halves.
Qed.

(** Sums of pieces: m is subtracted twice where it can be. *)
Definition less_once (m s : Z) : Z := if m <=? s then s - m else s.

Theorem pieces : forall m s, 2 ^ 13 < m -> 0 <= s <= 2 * (m + 2 ^ 12) ->
  0 <= less_once m (less_once m s) < m /\ (m | less_once m (less_once m s) - s).
Proof.
  intros m s Hm Hs. unfold less_once.
  destruct (Z.leb_spec m s); [destruct (Z.leb_spec m (s - m))|destruct (Z.leb_spec m s)];
    (split; [lia|]); [exists (-2)|exists (-1)|exists 0|exists 0]; lia.
Qed.

(** One subtraction brings a residue below m. *)
Theorem below_modulus : forall m y, 2 ^ 12 < m -> 0 <= y <= m + 2 ^ 12 ->
  0 <= less_once m y < m /\ (m | less_once m y - y).
Proof.
  intros m y Hm Hy. unfold less_once.
  destruct (Z.leb_spec m y); (split; [lia|]); [exists (-1)|exists 0]; lia.
Qed.

(** Limbs times weights by IFMA. *)
Theorem ifma_digit_sums : forall m start (l : list (Z * Z)), 0 < m < 2 ^ 50 -> 0 <= start <= m ->
  count l <= 1024 -> (forall p, In p l -> 0 <= fst p < 2 ^ 52 /\ 0 <= snd p < m) ->
  0 <= start + sum (fun p => low52 (times p)) l < 2 ^ 63 /\
  0 <= sum (fun p => high52 (times p)) l < 2 ^ 62.
Proof.
  intros m start l Hm Hs Hl H. split.
  - pose proof (sum_below _ (fun p => low52 (times p)) l 1024 (2 ^ 52 - 1) Hl ltac:(lia)
                  (fun p _ => low52_range _)). lia.
  - assert (B : forall p, In p l -> 0 <= high52 (times p) <= 2 ^ 50 - 1).
    { intros p Hp. apply high52_range. unfold times. specialize (H p Hp). nia. }
    pose proof (sum_below _ (fun p => high52 (times p)) l 1024 (2 ^ 50 - 1) Hl ltac:(lia) B). lia.
Qed.

(** Products of residues by words: 256 terms, then the high word is folded. *)
Definition fold_word (m s : Z) : Z := s mod 2 ^ 32 + s / 2 ^ 32 * (2 ^ 32 mod m).

Theorem words_sums : forall m s (l : list (Z * Z)), 0 < m < 2 ^ 27 -> 0 <= s < 2 ^ 59 ->
  count l <= kTermsToFold ->
  (forall p, In p l -> 0 <= fst p <= m + 2 /\ 0 <= snd p <= m + 2) ->
  let total := s + sum times l in
  (forall p, In p l -> times p < 2 ^ 54 + 2 ^ 30) /\
  0 <= total < 2 ^ 63 /\ 0 <= fold_word m total < 2 ^ 59 /\ (m | fold_word m total - total).
Proof.
  intros m s l Hm Hs Hl H total. unfold kTermsToFold in Hl.
  assert (B : forall p, In p l -> 0 <= times p <= 2 ^ 54 + 2 ^ 30 - 1).
  { intros p Hp. unfold times. specialize (H p Hp). nia. }
  pose proof (sum_below _ times l 256 (2 ^ 54 + 2 ^ 30 - 1) Hl ltac:(lia) B) as S.
  assert (T : 0 <= total < 2 ^ 63) by (unfold total; lia).
  split; [intros p Hp; specialize (B p Hp); lia|]. split; [exact T|].
  pose proof (Z.mod_pos_bound total (2 ^ 32) ltac:(lia)).
  pose proof (Z.mod_pos_bound (2 ^ 32) m ltac:(lia)).
  pose proof (Z.div_mod total (2 ^ 32) ltac:(lia)) as E.
  pose proof (Z.div_mod (2 ^ 32) m ltac:(lia)) as E'.
  assert (0 <= total / 2 ^ 32 < 2 ^ 31).
  { split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. }
  unfold fold_word. split; [nia|].
  exists (- (total / 2 ^ 32) * (2 ^ 32 / m)).
  set (w := 2 ^ 32 mod m) in *. set (k := 2 ^ 32 / m) in *. set (d := total / 2 ^ 32) in *.
  rewrite E at 2. rewrite E' at 2. ring.
Qed.

(** An operand of a product that [exact_product] accepts has at most 501 limbs, *)
Theorem operand_limbs : forall bits, 0 <= bits <= kMostProductBits -> limbs_for_bits bits <= 501.
Proof.
  intros bits H. unfold limbs_for_bits, kMostProductBits, kLimbBits in *.
  assert ((bits + 1) / 52 < 501) by (apply Z.div_lt_upper_bound; lia). lia.
Qed.

(** so the sums of 26-bit digits times weights stay below 2^63 (from 512 limbs on they might not). *)
Theorem words_digit_sums : forall m start (l : list (Z * Z)), 0 < m < 2 ^ 27 -> 0 <= start <= m ->
  count l <= 2 * 511 -> (forall p, In p l -> 0 <= fst p < 2 ^ 26 /\ 0 <= snd p < m) ->
  0 <= start + sum times l < 2 ^ 63.
Proof.
  intros m start l Hm Hs Hl H.
  assert (B : forall p, In p l -> 0 <= times p <= 2 ^ 53 - 1).
  { intros p Hp. unfold times. specialize (H p Hp). nia. }
  pose proof (sum_below _ times l (2 * 511) (2 ^ 53 - 1) Hl ltac:(lia) B). lia.
Qed.

(** Fewer than 1024 primes: with m >= 2^26, 1001 of them give a modulus that is large enough. *)
Theorem enough_primes : forall ms bits, (1001 <= length ms)%nat -> 0 <= bits <= kMostProductBits ->
  Forall (fun m => 2 ^ 26 <= m) ms -> 2 ^ (bits + 4) <= product ms.
Proof.
  intros ms bits Hl Hb H. unfold kMostProductBits in Hb.
  assert (P : 2 ^ (26 * Z.of_nat (length ms)) <= product ms).
  { clear Hl Hb. induction H as [|m ms Hm _ IH]; [simpl; lia|].
    simpl length. rewrite Nat2Z.inj_succ. simpl product.
    replace (26 * Z.succ (Z.of_nat (length ms))) with (26 + 26 * Z.of_nat (length ms)) by lia.
    rewrite Z.pow_add_r by lia. apply Z.mul_le_mono_nonneg; lia. }
  eapply Z.le_trans; [|exact P]. apply Z.pow_le_mono_r; lia.
Qed.

(** A short integer, stored modulo 2^52, is its own residue or m more. *)
Theorem short_residue : forall m x,
  (2 ^ 49 <= m < 2 ^ 50 /\ Z.abs x <= 2 ^ 48) \/ (2 ^ 26 <= m < 2 ^ 27 /\ Z.abs x <= 2 ^ 20) ->
  let stored := x mod 2 ^ 52 in
  let r := if x <? 0 then (stored + m) mod 2 ^ 52 else stored in
  0 <= r <= m /\ (m | r - x).
Proof.
  intros m x H stored r. unfold r, stored. destruct (Z.ltb_spec x 0) as [N|P].
  - assert (E : (x mod 2 ^ 52 + m) mod 2 ^ 52 = x + m).
    { rewrite Z.add_mod_idemp_l by lia. apply Z.mod_small. lia. }
    rewrite E. split; [lia|]. exists 1. ring.
  - rewrite Z.mod_small by lia. split; [lia|]. exists 0. ring.
Qed.

(** Back, by IFMA: a digit's sum of low halves and the high halves from below, the carry from below,
    less q times the modulus. *)
Theorem ifma_back : forall (low high : list (Z * Z)) below carry, count low <= 1024 ->
  count high <= 1024 ->
  (forall p, In p low -> 0 <= fst p < 2 ^ 50 /\ 0 <= snd p < 2 ^ 52) ->
  (forall p, In p high -> 0 <= fst p < 2 ^ 50 /\ 0 <= snd p < 2 ^ 52) ->
  0 <= below <= 2 ^ 52 + 2 ^ 11 -> - 2 ^ 12 <= carry <= 2 ^ 12 ->
  let total := sum (fun p => low52 (times p)) low + sum (fun p => high52 (times p)) high
               + carry - below in
  - 2 ^ 63 < total < 2 ^ 63 /\ - 2 ^ 12 <= total / 2 ^ 52 <= 2 ^ 12.
Proof.
  intros low high below carry Hl Hh HL HH Hb Hc total.
  pose proof (sum_below _ (fun p => low52 (times p)) low 1024 (2 ^ 52 - 1) Hl ltac:(lia)
                (fun p _ => low52_range _)) as SL.
  assert (B : forall p, In p high -> 0 <= high52 (times p) <= 2 ^ 50 - 1).
  { intros p Hp. apply high52_range. unfold times. specialize (HH p Hp). nia. }
  pose proof (sum_below _ (fun p => high52 (times p)) high 1024 (2 ^ 50 - 1) Hh ltac:(lia) B) as SH.
  assert (T : - 2 ^ 54 <= total < 2 ^ 63) by (unfold total; lia).
  split; [lia|]. split.
  - apply Z.div_le_lower_bound; lia.
  - assert (total / 2 ^ 52 < 2 ^ 12) by (apply Z.div_lt_upper_bound; lia). lia.
Qed.

(** What `low(from_below, q, digit)` is. *)
Theorem ifma_back_below : forall q digit lower, 0 <= q <= 1024 -> 0 <= digit < 2 ^ 52 ->
  0 <= lower < 2 ^ 52 ->
  0 <= high52 (q * lower) + low52 (q * digit) <= 2 ^ 52 + 2 ^ 11.
Proof.
  intros q digit lower Hq Hd Hl. pose proof (low52_range (q * digit)).
  pose proof (high52_range (q * lower) (2 ^ 11)). nia.
Qed.

(** Back, by words: digits of 26 bits, y < 2^27, fewer than 1024 primes. *)
Theorem words_back : forall (l : list (Z * Z)) q digit carry, count l <= 1023 ->
  (forall p, In p l -> 0 <= fst p < 2 ^ 27 /\ 0 <= snd p < 2 ^ 26) ->
  0 <= q <= 1024 -> 0 <= digit < 2 ^ 26 -> - 2 ^ 38 <= carry <= 2 ^ 38 ->
  let total := sum times l - q * digit + carry in
  0 <= sum times l < 2 ^ 63 /\ - 2 ^ 63 < total < 2 ^ 63 /\ - 2 ^ 38 <= total / 2 ^ 26 <= 2 ^ 38.
Proof.
  intros l q digit carry Hl H Hq Hd Hc total.
  assert (B : forall p, In p l -> 0 <= times p <= 2 ^ 53 - 1).
  { intros p Hp. unfold times. specialize (H p Hp). nia. }
  pose proof (sum_below _ times l 1023 (2 ^ 53 - 1) Hl ltac:(lia) B) as S.
  assert (0 <= q * digit <= 2 ^ 36) by nia.
  assert (T : - 2 ^ 40 <= total < 2 ^ 63) by (unfold total; lia).
  split; [lia|]. split; [lia|]. split.
  - apply Z.div_le_lower_bound; lia.
  - assert (total / 2 ^ 26 < 2 ^ 38) by (apply Z.div_lt_upper_bound; lia). lia.
Qed.

(** Limb by limb, IFMA: a negative factor is used as a + 2^52, the limb subtracted one place up. *)
Theorem ifma_factor : forall a d, - 2 ^ 50 <= a <= 2 ^ 50 -> 0 <= d < 2 ^ 52 ->
  let p := a mod 2 ^ 52 * d in
  a * d = low52 p + 2 ^ 52 * (high52 p - (if a <? 0 then d else 0)) /\
  0 <= low52 p < 2 ^ 52 /\ - 2 ^ 50 <= high52 p - (if a <? 0 then d else 0) <= 2 ^ 50.
Proof.
  intros a d Ha Hd p. pose proof (halves p) as E. pose proof (low52_range p) as R.
  assert (Ep : p = a * d + 2 ^ 52 * (if a <? 0 then d else 0)).
  { unfold p. destruct (Z.ltb_spec a 0).
    - replace (a mod 2 ^ 52) with (a + 2 ^ 52); [ring|].
      symmetry. rewrite <- (Z.mod_add a 1) by lia. rewrite Z.mul_1_l. apply Z.mod_small. lia.
    - rewrite Z.mod_small by lia. ring. }
  split; [lia|]. split; [lia|].
  assert (- 2 ^ 50 * 2 ^ 52 <= a * d <= 2 ^ 50 * 2 ^ 52) by nia. lia.
Qed.

(** 256 terms, then carries: what one limb gathers by IFMA. *)
Theorem ifma_limbs : forall (here under : list (Z * Z)) excess carry,
  count here <= kMostFactors -> count under <= kMostFactors ->
  (forall p, In p here -> - 2 ^ 50 <= fst p <= 2 ^ 50 /\ 0 <= snd p < 2 ^ 52) ->
  (forall p, In p under -> - 2 ^ 50 <= fst p <= 2 ^ 50 /\ 0 <= snd p < 2 ^ 52) ->
  Z.abs excess <= 256 * 2 ^ 50 -> Z.abs carry <= 2 ^ 52 ->
  let low p := low52 (fst p mod 2 ^ 52 * snd p) in
  let high p := high52 (fst p mod 2 ^ 52 * snd p) - (if fst p <? 0 then snd p else 0) in
  0 <= sum low here < 2 ^ 61 /\ Z.abs (sum high under) < 2 ^ 61 /\
  Z.abs (sum low here + sum high under - excess + carry) < 2 ^ 63.
Proof.
  intros here under excess carry Hh Hu HH HU He Hc low high. unfold kMostFactors in *.
  pose proof (sum_below _ low here 256 (2 ^ 52) Hh ltac:(lia)) as SL.
  assert (BL : forall p, In p here -> 0 <= low p <= 2 ^ 52).
  { intros p Hp. destruct (HH p Hp) as (A & D).
    pose proof (ifma_factor (fst p) (snd p) A D) as (_ & B & _). unfold low. lia. }
  specialize (SL BL).
  pose proof (sum_size _ high under 256 (2 ^ 50) Hu ltac:(lia)) as SH.
  assert (BH : forall p, In p under -> Z.abs (high p) <= 2 ^ 50).
  { intros p Hp. destruct (HU p Hp) as (A & D).
    pose proof (ifma_factor (fst p) (snd p) A D) as (_ & _ & B). unfold high. lia. }
  specialize (SH BH). lia.
Qed.

(** The same by words: two digits of 26 bits a limb. The upper one gives its low bits to this limb
    and the others to the next. *)
Theorem words_limbs : forall (lower upper upper_under : list (Z * Z)) excess carry,
  count lower <= kMostFactors -> count upper <= kMostFactors -> count upper_under <= kMostFactors ->
  (forall p, In p lower \/ In p upper \/ In p upper_under ->
     - 2 ^ 26 <= fst p <= 2 ^ 26 /\ 0 <= snd p < 2 ^ 26) ->
  Z.abs excess <= 256 * 2 ^ 26 -> Z.abs carry <= 2 ^ 52 ->
  Z.abs (sum times lower) <= 2 ^ 60 /\ Z.abs (sum times upper) <= 2 ^ 60 /\
  Z.abs (sum times lower + sum times upper mod 2 ^ 26 * 2 ^ 26 + sum times upper_under / 2 ^ 26
         - excess + carry) < 2 ^ 63 /\
  sum times lower + sum times upper * 2 ^ 26 =
  sum times lower + sum times upper mod 2 ^ 26 * 2 ^ 26 + 2 ^ 52 * (sum times upper / 2 ^ 26).
Proof.
  intros lower upper under excess carry Hl Hu Hn H He Hc. unfold kMostFactors in *.
  assert (B : forall l, count l <= 256 ->
    (forall p, In p l -> - 2 ^ 26 <= fst p <= 2 ^ 26 /\ 0 <= snd p < 2 ^ 26) ->
    Z.abs (sum times l) <= 2 ^ 60).
  { intros l C Hp. pose proof (sum_size _ times l 256 (2 ^ 52) C ltac:(lia)) as S.
    assert (Bt : forall p, In p l -> Z.abs (times p) <= 2 ^ 52).
    { intros p Ip. unfold times. specialize (Hp p Ip). nia. }
    specialize (S Bt). lia. }
  pose proof (B lower Hl (fun p Hp => H p (or_introl Hp))) as B1.
  pose proof (B upper Hu (fun p Hp => H p (or_intror (or_introl Hp)))) as B2.
  pose proof (B under Hn (fun p Hp => H p (or_intror (or_intror Hp)))) as B3.
  pose proof (Z.mod_pos_bound (sum times upper) (2 ^ 26) ltac:(lia)).
  pose proof (Z.div_mod (sum times upper) (2 ^ 26) ltac:(lia)).
  assert (- 2 ^ 34 <= sum times under / 2 ^ 26 <= 2 ^ 34).
  { split; [apply Z.div_le_lower_bound; lia|apply Z.div_le_upper_bound; lia]. }
  repeat split; lia.
Qed.

(** * Lemma 4: upper limbs alone *)

Section Upper.

(** B = 2^(52 f), where f limbs are left out. *)
Variables (l : list entry) (M q X B : Z).
Hypothesis B_positive : 0 < B.
Hypothesis exact : X = combination M l - q * M.
Hypothesis y_range : forall e, In e l -> 0 <= snd e < 2 ^ 50.
Hypothesis primes : count l <= 1024.
Hypothesis q_range : 0 <= q <= 1024.

Definition upper : Z := sum (fun e => snd e * (M / fst e / B)) l - q * (M / B).

Theorem upper_remainder : - q * B <= X - B * upper <= sum snd l * B.
Proof.
  assert (S : combination M l = sum (fun e => snd e * (M / fst e mod B)) l
                                + B * sum (fun e => snd e * (M / fst e / B)) l).
  { unfold combination. apply sum_combine. intros e _.
    pose proof (Z.div_mod (M / fst e) B ltac:(lia)) as E. rewrite E at 1. ring. }
  assert (R : 0 <= sum (fun e => snd e * (M / fst e mod B)) l <= sum snd l * B).
  { clear -B_positive y_range. induction l as [|e l' IH]; simpl; [lia|].
    specialize (IH (fun e' He' => y_range e' (or_intror He'))).
    specialize (y_range e (or_introl eq_refl)).
    pose proof (Z.mod_pos_bound (M / fst e) B B_positive). nia. }
  pose proof (Z.div_mod M B ltac:(lia)) as E.
  pose proof (Z.mod_pos_bound M B B_positive).
  unfold upper. rewrite exact, S. nia.
Qed.

Lemma y_sum : 0 <= sum snd l < 2 ^ 60.
Proof.
  pose proof (sum_below _ snd l 1024 (2 ^ 50 - 1) primes ltac:(lia)) as S.
  assert (H : forall e, In e l -> 0 <= snd e <= 2 ^ 50 - 1).
  { intros e He. specialize (y_range e He). lia. }
  specialize (S H). lia.
Qed.

Theorem upper_error : Z.abs (X - B * upper) < 2 ^ 60 * B.
Proof. pose proof upper_remainder. pose proof y_sum. nia. Qed.

(** The lowest bit is set where an entry is not zero. *)
Definition marked : Z := if forallb (fun e => snd e =? 0) l then upper else Z.lor upper 1.

Lemma lor_one : forall x, x <= Z.lor x 1 <= x + 1.
Proof.
  intros x. destruct (Z.testbit x 0) eqn:E.
  - replace (Z.lor x 1) with x; [lia|]. symmetry. apply Z.bits_inj'. intros n Hn.
    rewrite Z.lor_spec. destruct (Z.eq_dec n 0) as [->|N].
    + rewrite E. reflexivity.
    + replace (Z.testbit 1 n) with false; [apply orb_false_r|].
      symmetry. apply Z.bits_above_log2; simpl; lia.
  - assert (A : Z.land x 1 = 0).
    { apply Z.bits_inj'. intros n Hn. rewrite Z.land_spec, Z.bits_0.
      destruct (Z.eq_dec n 0) as [->|N]; [rewrite E; reflexivity|].
      rewrite (Z.bits_above_log2 1 n) by (simpl; lia). apply andb_false_r. }
    rewrite <- Z.lxor_lor, <- Z.add_nocarry_lxor by exact A. lia.
Qed.

Theorem marked_error : Z.abs (X - B * marked) < 2 ^ kErrorBits * B.
Proof.
  pose proof upper_error. unfold marked, kErrorBits. destruct (forallb _ l); [nia|].
  pose proof (lor_one upper). nia.
Qed.

Theorem marked_zero : (forall e, In e l -> snd e = 0) -> q = 0 -> marked = 0.
Proof.
  intros H Hq.
  assert (F : forallb (fun e => snd e =? 0) l = true).
  { apply forallb_forall. intros e He. apply Z.eqb_eq, H, He. }
  assert (S : sum (fun e => snd e * (M / fst e / B)) l = 0).
  { clear -H. induction l as [|e l' IH]; simpl; [reflexivity|].
    rewrite (H e (or_introl eq_refl)), IH; [lia|]. intros e' He'. apply H. right. exact He'. }
  unfold marked. rewrite F. unfold upper. rewrite S, Hq. lia.
Qed.

End Upper.

(** * Rounding to limbs *)

(** X 2^(52-s), cut off downward; then the nearest multiple of 2^52, half upward. *)
Definition guarded (X s : Z) : Z := if s <=? 52 then X * 2 ^ (52 - s) else X / 2 ^ (s - 52).
Definition cut (X s : Z) : Z := if s <=? 52 then 0 else X mod 2 ^ (s - 52).
Definition dropped (X s : Z) : Z := guarded X s mod 2 ^ 52.
Definition rounded (X s : Z) : Z := (guarded X s + 2 ^ 51) / 2 ^ 52.

(** The errors that the code adds up, in units of 2^-52 places: 1/2 where bits were dropped by the
    rounding, one unit where bits were cut off before. *)
Theorem rounded_error : forall X s, 0 <= s ->
  2 ^ 52 * Z.abs (rounded X s * 2 ^ s - X) <=
  ((if dropped X s =? 0 then 0 else 2 ^ 51) + (if cut X s =? 0 then 0 else 1)) * 2 ^ s.
Proof.
  intros X s Hs.
  assert (P : 0 < 2 ^ s) by (apply Z.pow_pos_nonneg; lia).
  assert (G : exists r, X * 2 ^ 52 = guarded X s * 2 ^ s + r /\
                        0 <= r <= (if cut X s =? 0 then 0 else 2 ^ s)).
  { unfold guarded, cut. destruct (Z.leb_spec s 52) as [L|L].
    - exists 0. split; [|simpl; lia].
      rewrite <- Z.mul_assoc, <- Z.pow_add_r by lia. replace (52 - s + s) with 52 by lia. lia.
    - assert (P' : 0 < 2 ^ (s - 52)) by (apply Z.pow_pos_nonneg; lia).
      assert (E : 2 ^ s = 2 ^ (s - 52) * 2 ^ 52).
      { rewrite <- Z.pow_add_r by lia. f_equal. lia. }
      pose proof (Z.div_mod X (2 ^ (s - 52)) ltac:(lia)) as D.
      pose proof (Z.mod_pos_bound X (2 ^ (s - 52)) P') as R.
      exists (X mod 2 ^ (s - 52) * 2 ^ 52). rewrite E. split; [nia|].
      destruct (Z.eqb_spec (X mod 2 ^ (s - 52)) 0) as [->|_]; [lia|nia]. }
  destruct G as (r & E & R).
  assert (N : Z.abs (2 ^ 52 * rounded X s - guarded X s) <= (if dropped X s =? 0 then 0 else 2 ^ 51)).
  { unfold rounded, dropped. set (g := guarded X s).
    pose proof (Z.div_mod (g + 2 ^ 51) (2 ^ 52) ltac:(lia)) as D.
    pose proof (Z.mod_pos_bound (g + 2 ^ 51) (2 ^ 52) ltac:(lia)) as B.
    destruct (Z.eqb_spec (g mod 2 ^ 52) 0) as [Z0|_]; [|lia].
    apply Z.mod_divide in Z0; [|lia]. destruct Z0 as (k & Hk).
    replace ((g + 2 ^ 51) / 2 ^ 52) with k; [lia|].
    symmetry. rewrite Hk. rewrite Z.add_comm, Z.div_add by lia. reflexivity. }
  set (d := if dropped X s =? 0 then 0 else 2 ^ 51) in *.
  replace (2 ^ 52 * Z.abs (rounded X s * 2 ^ s - X))
    with (Z.abs ((2 ^ 52 * rounded X s - guarded X s) * 2 ^ s - r)).
  - assert (A : Z.abs ((2 ^ 52 * rounded X s - guarded X s) * 2 ^ s) <= d * 2 ^ s).
    { rewrite Z.abs_mul, (Z.abs_eq (2 ^ s)) by lia. apply Z.mul_le_mono_nonneg_r; lia. }
    destruct (cut X s =? 0); lia.
  - rewrite <- (Z.abs_eq (2 ^ 52)) at 2 by lia. rewrite <- Z.abs_mul. f_equal.
    rewrite Z.mul_sub_distr_r. lia.
Qed.

(** With limbs left out: n >= 52 L - 2 + 61 + 40 bits, so s >= 101, and the error of the upper limbs
    is at most 2^-40 places. *)
Theorem upper_rounding : forall X X' B s, 0 < B -> kErrorBits + kGuardBits <= s ->
  Z.abs (X - B * X') < 2 ^ kErrorBits * B ->
  2 ^ 52 * Z.abs (rounded X' s * 2 ^ s * B - X) <= (2 ^ 51 + 1 + 2 ^ (52 - kGuardBits)) * 2 ^ s * B.
Proof.
  intros X X' B s HB Hs H. unfold kErrorBits, kGuardBits in *.
  pose proof (rounded_error X' s ltac:(lia)) as R.
  assert (P : 2 ^ 101 <= 2 ^ s) by (apply Z.pow_le_mono_r; lia).
  assert (R' : 2 ^ 52 * Z.abs (rounded X' s * 2 ^ s - X') <= (2 ^ 51 + 1) * 2 ^ s).
  { eapply Z.le_trans; [exact R|]. apply Z.mul_le_mono_nonneg_r; [lia|].
    destruct (dropped X' s =? 0), (cut X' s =? 0); lia. }
  set (e := rounded X' s * 2 ^ s - X') in *.
  replace (rounded X' s * 2 ^ s * B - X) with (e * B - (X - B * X')) by (unfold e; ring).
  change (2 ^ (52 - 40)) with (2 ^ 12).
  assert (2 ^ 52 * Z.abs (e * B) <= (2 ^ 51 + 1) * 2 ^ s * B).
  { rewrite Z.abs_mul, (Z.abs_eq B) by lia. rewrite Z.mul_assoc. apply Z.mul_le_mono_nonneg_r; lia. }
  assert (2 ^ 101 * B <= 2 ^ s * B) by (apply Z.mul_le_mono_nonneg_r; lia).
  lia.
Qed.

(** The lowest bit, which marks what is not zero, is among those cut off. *)
Theorem mark_is_cut : forall x s, 101 <= s -> Z.odd x = true -> cut x s <> 0.
Proof.
  intros x s Hs O. unfold cut. destruct (Z.leb_spec s 52); [lia|]. intros Z0.
  apply Z.mod_divide in Z0; [|apply Z.pow_nonzero; lia]. destruct Z0 as (k & ->).
  replace (s - 52) with (1 + (s - 53)) in O by lia. rewrite Z.pow_add_r in O by lia.
  rewrite Z.odd_mul, Z.odd_mul in O. simpl in O. rewrite andb_false_r in O. discriminate.
Qed.
